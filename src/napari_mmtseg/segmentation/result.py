"""The result of a segmentation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.objects.found import Objects
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel


@dataclass(frozen=True)
class SegmentationResult:
    """Labels of an image, their model and the course of the run.

    Attributes
    ----------
    labels : (Y, X) ndarray of int32
        Labels 1..k in the shape of the image without its channels, 0 for background;
        painted classes keep their labels.
    model : MutualMeanTeachingModel or None
        The fitted networks, to label other images with the same classes; None for
        another `method` than "mmt".
    hierarchy : LabelHierarchy or None
        The labels for every number of classes; None for another `method` than "mmt".
    stop_reason : str
        Why training ended.
    n_labels : int
        Number of different labels, background included.
    n_steps : int
        Number of training steps.
    seconds : float
        Wall time.
    device, precision : str
        Hardware and number format of the networks.
    settings : SegmentationSettings
        All settings of the run.
    is_partial : bool
        Whether a stop has left parts of a stack without labels.
    objects : Objects or None
        With ``output="objects"``: the labels with the class of every object.
    class_labels : (Y, X) ndarray of int32 or None
        With ``output="objects"``: the classes that the objects are made of.
    """

    labels: NDArray[np.int32] = field(repr=False)
    model: MutualMeanTeachingModel | None = field(repr=False)
    hierarchy: LabelHierarchy | None = field(repr=False)
    stop_reason: str
    n_labels: int
    n_steps: int
    seconds: float
    device: str
    precision: str
    settings: SegmentationSettings
    is_partial: bool = False
    objects: Objects | None = field(default=None, repr=False)
    class_labels: NDArray[np.int32] | None = field(default=None, repr=False)

    @property
    def illumination(self) -> str:
        """Kind of correction of uneven light: "divide", "subtract" or "none"."""
        return "none" if self.model is None else self.model.inference.illumination.kind

    @property
    def background(self) -> int | None:
        """Class that is labelled 0, from 1, dark to bright; None if there is none."""
        if self.hierarchy is None or not self.hierarchy.has_background:
            return None
        return int(np.argmin(self.hierarchy.label_of_class())) + 1

    @property
    def notes(self) -> str:
        """A sentence on what was done to the image, empty if nothing was."""
        words = {"divide": "divided out", "subtract": "subtracted"}
        if self.illumination == "none":
            return ""
        return f"Uneven light was {words[self.illumination]}."

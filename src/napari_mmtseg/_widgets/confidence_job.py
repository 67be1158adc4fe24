"""The job that measures how certain the labels of a result are."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg._layers import Source
from napari_mmtseg._widgets.gentle_import import load_engine
from napari_mmtseg._widgets.jobs import predicted
from napari_mmtseg._widgets.layer_result import LayerResult
from napari_mmtseg._widgets.outcomes import Measured, Message
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.uncertainty import uncertain_regions
from napari_mmtseg.progress import SegmentationStep

__all__ = ["ConfidenceJob"]


@dataclass(frozen=True)
class ConfidenceJob:
    """Measure the confidence in the classes that a layer shows.

    Attributes
    ----------
    name : str
        Name of the layer.
    result : LayerResult
        What is kept with it.
    labels : ndarray of int
        What it shows; edits are looked at with the classes.
    """

    name: str
    result: LayerResult
    labels: NDArray[Any]
    hints_layer: None = None
    counted: str = "slice"

    @property
    def source(self) -> Source:
        """The image."""
        return self.result.source

    @property
    def title(self) -> str:
        """What the activity dock says."""
        return f"Confidence of {self.name}"

    @property
    def n_steps(self) -> int:
        """Percent."""
        return 100

    def n_done(self, step: SegmentationStep) -> int:
        """Return how many."""
        return step.step

    def steps(
        self, notices: list[str], should_cancel: Callable[[], bool]
    ) -> Generator[Message, str | None, Measured]:
        """Do it."""
        start = time.perf_counter()
        model = self.result.model
        if model is None:
            raise InputError(f"“{self.name}” has no teachers to ask.")
        yield SegmentationStep("preparing", 0, self.n_steps)
        image = self.source.read()
        load_engine()
        shaper = self.result.shaper(self.labels)
        shape = shaper.shape(self.labels)
        parts = model.iter_confidence(
            image,
            shape.n_labels,
            channel_axis=self.source.channel_axis,
            merging=shaper.hierarchy.merging,
        )
        confidence = yield from predicted(parts, notices, should_cancel)
        confidence = confidence.reshape(self.labels.shape)
        worst = uncertain_regions(confidence, self.labels)
        seconds = time.perf_counter() - start
        return Measured(
            confidence=np.ascontiguousarray(confidence),
            regions=worst,
            shape=shape,
            summary=(
                f"Mean confidence {confidence.mean():.2f}, measured in {seconds:.1f} s."
            ),
        )

"""What a run tells the window, while it lasts and in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg._widgets.layer_result import LayerResult
from napari_mmtseg.progress import SegmentationStep

__all__ = ["Failed", "Message", "Notice", "Outcome", "Refused", "Segmented"]


@dataclass(frozen=True)
class Notice:
    """A warning that the user should read."""

    text: str


@dataclass(frozen=True)
class Segmented:
    """A result, ready for a layer: labels in its dimensions, and their origin.

    Attributes
    ----------
    labels : ndarray of int32
        In the dimensions of the layer.
    provenance : dict
        Goes into the layer's metadata.
    summary : str
        One sentence for the panel.
    kept : LayerResult
        Stays with the layer.
    appearance : dict
        Further attributes of the layer, such as the colormap.
    """

    labels: NDArray[np.int32] = field(repr=False)
    provenance: dict[str, Any]
    summary: str
    kept: LayerResult = field(repr=False)
    appearance: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Refused:
    """The input cannot be used; the text says what can."""

    text: str


@dataclass(frozen=True)
class Failed:
    """An error that nobody expected.

    It is handed over as a value: a napari worker that raises a RuntimeError, as torch
    does for most errors, ends without telling anybody.
    """

    error: Exception


Message: TypeAlias = SegmentationStep | Notice
Outcome: TypeAlias = Segmented | Refused | Failed

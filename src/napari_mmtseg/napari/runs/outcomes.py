"""What a run tells the window, while it lasts and in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from napari.utils.notifications import notification_manager, show_warning
from numpy.typing import NDArray

from napari_mmtseg.napari.layers.result import LayerResult, Measured
from napari_mmtseg.progress import SegmentationStep

if TYPE_CHECKING:
    from napari.layers import Labels

__all__ = [
    "Failed",
    "Message",
    "Notice",
    "Outcome",
    "Refused",
    "Segmented",
    "show_problem",
]


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
    out_of_date : tuple of napari.layers.Labels
        Layers to hide.
    """

    labels: NDArray[np.int32] = field(repr=False)
    provenance: dict[str, Any]
    summary: str
    kept: LayerResult = field(repr=False)
    appearance: dict[str, Any] = field(default_factory=dict, repr=False)
    out_of_date: tuple[Labels, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Refused:
    """The input cannot be used; the text says what can."""

    text: str

    @property
    def summary(self) -> str:
        """One sentence for the panel."""
        return self.text


@dataclass(frozen=True)
class Failed:
    """An error that nobody expected.

    It is handed over as a value: a napari worker that raises a RuntimeError, as torch
    does for most errors, ends without telling anybody.
    """

    error: Exception

    @property
    def text(self) -> str:
        """The message of the error."""
        return str(self.error)

    @property
    def summary(self) -> str:
        """One sentence for the panel."""
        return "The run has failed; see the notification."


Message: TypeAlias = SegmentationStep | Notice
Outcome: TypeAlias = Segmented | Measured | Refused | Failed


def show_problem(problem: Refused | Failed) -> None:
    """Show a notification: a warning, or an error with its traceback."""
    if isinstance(problem, Refused):
        show_warning(problem.text)
        return
    error = problem.error
    notification_manager.receive_error(type(error), error, error.__traceback__)

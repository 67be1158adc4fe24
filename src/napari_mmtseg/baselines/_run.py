"""What goes into a run of a method and what comes out; without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["UNWATCHED", "Segmented", "Watch", "network_settings"]


@dataclass(frozen=True)
class Watch:
    """Who follows a run: see :func:`napari_mmtseg.iter_segment`."""

    preview_interval: float | None = None
    should_cancel: Callable[[], bool] | None = None


UNWATCHED = Watch()
"""Nobody follows, nobody cancels."""


@dataclass(frozen=True)
class Segmented:
    """The labels of one image, and how they came about.

    Attributes
    ----------
    labels : (Y, X) ndarray of int32
        Labels 1..k in the size of the image.
    stop_reason, n_steps, device, precision
        As in :class:`napari_mmtseg.SegmentationResult`.
    """

    labels: NDArray[np.int32] = field(repr=False)
    stop_reason: str
    n_steps: int
    device: str
    precision: str


def network_settings(method: str, **values: Any) -> SegmentationSettings:
    """Return the checked settings of a network; `max_labels` is at least `n_labels`.

    Raises
    ------
    InputError
        If a value cannot be used.
    """
    n_labels, q = values["n_labels"], values["max_labels"]
    if isinstance(n_labels, int) and isinstance(q, int):
        values["max_labels"] = max(n_labels, q)
    return SegmentationSettings(method=method, **values)

"""Previews of a stack that is being labelled, slice by slice or block by block."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.stack import LARGE

__all__ = ["PREVIEW_SIDE", "SlicePreviews", "preview_step"]

PREVIEW_SIDE = 2048
"""Longest side of a preview in pixels."""


def preview_step(shape: Sequence[int]) -> int:
    """Return n where a preview of a frame shows every n-th of its pixels."""
    return -(-max(shape) // PREVIEW_SIDE)


class SlicePreviews:
    """Labels of finished slices; of large ones every n-th pixel of what is done.

    Large volumes have no previews.

    Parameters
    ----------
    shape : sequence of int
        Of a frame.
    interval : float or None
        Seconds between previews of a slice that is not done yet; no previews at all
        with None.
    """

    def __init__(self, shape: Sequence[int], interval: float | None) -> None:
        self._shape = tuple(shape)
        if len(shape) > 2 and np.prod(shape, dtype=np.int64) > LARGE:
            interval = None  # as large as the labels themselves
        self._interval = interval
        self._step = preview_step(shape)
        # What is not written takes no memory.
        self._small = np.zeros([-(-n // self._step) for n in shape], np.int32)
        self._next = 0.0

    def take(
        self, window: Sequence[slice], labels: NDArray[np.int32]
    ) -> NDArray[np.int32] | None:
        """Return the preview that is due after some labels have come.

        Parameters
        ----------
        window : sequence of slice
            Where in the frame they belong.
        labels : ndarray of int32
            One for every pixel of the window.
        """
        if self._interval is None:
            return None
        if self._step == 1 and labels.shape == self._shape:
            return labels
        n = self._step
        first = [-w.start % n for w in window]
        every = labels[tuple(slice(f, None, n) for f in first)]
        starts = [(w.start + f) // n for w, f in zip(window, first, strict=True)]
        at = zip(starts, every.shape, strict=True)
        self._small[tuple(slice(s, s + length) for s, length in at)] = every
        now = time.perf_counter()
        last = all(w.stop == n for w, n in zip(window, self._shape, strict=True))
        if now < self._next and not last:
            return None
        self._next = now + self._interval
        return self._small.copy()

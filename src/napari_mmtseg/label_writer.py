"""Labels of a stack, written piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.label_stores import free_memory
from napari_mmtseg.regions import (
    absorb_small_regions,
    connected_regions,
    count_values,
)
from napari_mmtseg.stacks import ImageStack

__all__ = ["LabelWriter", "check_clean_up"]

_CLEAN_UP_BYTES = 24
"""Memory per pixel that clean-up and connected regions of a frame take."""

Index = tuple[int, ...]
Window = tuple[slice, ...]


def check_clean_up(stack: ImageStack, output: str, min_region_size: int) -> None:
    """Refuse what needs a whole frame in memory where that does not fit.

    Raises
    ------
    InputError
        If regions or their clean-up are asked for in a frame that is too large.
    """
    n_bytes = stack.first.n_pixels * _CLEAN_UP_BYTES
    whole = output == "regions" or min_region_size > 1
    if whole and n_bytes > free_memory():
        asked = "output=regions" if output == "regions" else "min_region_size"
        raise InputError(
            f"{asked} needs an image in memory as a whole: {n_bytes / 1e9:.1f} GB, of "
            f"which {free_memory() / 1e9:.1f} GB are free. Use output=classes with "
            "min_region_size=0, or a region of the image."
        )


class LabelWriter:
    """Cleans up the labels of frames and writes them where they belong.

    Parameters
    ----------
    stack : ImageStack
        Whose labels they are.
    out : array-like
        In the shape of the labels.
    output : {"classes", "regions"}
        As in the settings; regions are numbered on from frame to frame.
    min_region_size : int
        As in the settings.
    """

    def __init__(
        self, stack: ImageStack, out: Any, output: str, min_region_size: int
    ) -> None:
        self._stack = stack
        self._out = out
        self._regions = output == "regions"
        self._min_region_size = min_region_size
        self._offset = 0
        self._gathered: NDArray[Any] | None = None
        self._missing = 0
        self._present = np.zeros(1, bool)

    def present(self, at_least: int = 0) -> NDArray[np.bool_]:
        """Tell for every label 1, 2, ... whether it was written.

        Parameters
        ----------
        at_least : int
            Number of labels that are told of in any case.
        """
        present = np.zeros(max(at_least, len(self._present) - 1), bool)
        present[: len(self._present) - 1] = self._present[1:]
        return present

    def write(
        self,
        index: Index,
        window: Window,
        labels: NDArray[Any],
        kept: NDArray[np.bool_] | None = None,
    ) -> None:
        """Write the classes of a part of a frame.

        Parameters
        ----------
        index, window : tuple of int, tuple of slice
            Where.
        labels : ndarray of int
            Classes, from 1.
        kept : ndarray of bool, optional
            Pixels that clean-up leaves as they are.
        """
        shape = self._stack.frame(index).shape[1:]
        if not self._regions and self._min_region_size <= 1:
            self._put(index, window, labels)
            return
        if labels.shape != shape:
            # Regions go over the borders of blocks.
            if self._gathered is None:
                self._gathered = np.zeros(shape, labels.dtype)
                self._missing = self._gathered.size
            self._gathered[window] = labels
            self._missing -= labels.size
            if self._missing:
                return
            labels, self._gathered = self._gathered, None
            window = tuple(slice(0, n) for n in shape)
        cleaned = absorb_small_regions(labels, self._min_region_size)
        if kept is not None and self._min_region_size > 1:
            cleaned = np.where(kept, labels, cleaned)
        if self._regions:
            cleaned = connected_regions(cleaned)
            most = int(cleaned.max(initial=0))
            cleaned = np.where(cleaned > 0, cleaned + self._offset, 0)
            self._offset += most
        self._put(index, window, cleaned)

    def _put(self, index: Index, window: Window, labels: NDArray[Any]) -> None:
        dtype = np.dtype(self._out.dtype)
        if self._offset > np.iinfo(dtype).max:
            raise InputError(
                f"There are more regions than {dtype} can count ({self._offset}). Pass "
                "out= an array of a larger integer type."
            )
        counts = count_values(labels, len(self._present))
        counts[: len(self._present)] += self._present
        self._present = counts > 0
        place = self._stack.place(index, window)
        self._out[place] = labels.astype(dtype, copy=False)

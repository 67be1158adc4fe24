"""Labels of a stack, written part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import ImageStack, Location
from napari_mmtseg.labels.regions import (
    absorb_small_regions,
    connected_regions,
    pixels_by_label,
)
from napari_mmtseg.labels.store import free_memory, store_labels

_CLEAN_UP_BYTES = 24
"""Memory per pixel that clean-up and connected regions of a frame take."""


def check_clean_up(stack: ImageStack, output: str, min_region_size: int) -> None:
    """Raise InputError if regions or clean-up need frames too large for the memory."""
    n_bytes = stack.first.n_pixels * _CLEAN_UP_BYTES
    whole = output == "regions" or min_region_size > 1
    if whole and n_bytes > free_memory():
        asked = "output=regions" if output == "regions" else "min_region_size"
        raise InputError(
            f"{asked} needs an image in memory as a whole: {n_bytes / 1e9:.1f} GB, of "
            f"which {free_memory() / 1e9:.1f} GB are free. Use output=classes with "
            "min_region_size=0, or a part of the image."
        )


class LabelWriter:
    """Cleans up the labels of frames and writes them to an array.

    Output and smallest region are as in the settings; numbers of regions go on from
    frame to frame. With `has_background` the class 0 is background, which clean-up
    treats as any other class.
    """

    def __init__(
        self,
        stack: ImageStack,
        out: Any,
        output: str,
        min_region_size: int,
        has_background: bool = False,
    ) -> None:
        self._stack = stack
        self._out = out
        self._regions = output == "regions"
        self._min_region_size = min_region_size
        self._has_background = has_background
        self._offset = 0
        self._gathered: _Gathered | None = None
        self._present: set[int] = set()

    @property
    def n_labels(self) -> int:
        """Number of different labels that were written, 0 if it is background."""
        if self._regions:
            return self._offset + (0 in self._present)
        return len(self._present)

    def present(self, labels: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return for every one of some labels whether it was written."""
        return np.array([label in self._present for label in labels.tolist()], bool)

    def write(
        self,
        location: Location,
        labels: NDArray[Any],
        kept: NDArray[np.bool_] | None = None,
    ) -> None:
        """Write the classes, from 1, or 0 for background, of a part of a frame.

        Clean-up leaves the pixels in the mask `kept` as they are.
        """
        if not self._regions and self._min_region_size <= 1:
            self._put(location, labels)
            return
        if self._has_background:
            labels = labels + 1
        frame = self._stack.whole(location.index)
        if labels.shape == frame.shape:
            self._write_frame(frame, labels, kept)
            return
        # Regions cross the borders of blocks. 0 is a missing block until all are there.
        if self._gathered is None:
            self._gathered = _Gathered.of(frame, labels.dtype)
        if self._gathered.take(location.window, labels, kept):
            self.finish()

    def finish(self) -> None:
        """Write the blocks of an incomplete frame; the rest of it stays 0."""
        gathered, self._gathered = self._gathered, None
        if gathered is not None:
            self._write_frame(gathered.frame, gathered.labels, gathered.kept)

    def _write_frame(
        self, frame: Location, labels: NDArray[Any], kept: NDArray[np.bool_] | None
    ) -> None:
        cleaned = absorb_small_regions(labels, self._min_region_size)
        if self._min_region_size > 1:
            if kept is not None:
                cleaned = np.where(kept, labels, cleaned)
            if not labels.all():  # neither side grows where a stop has cut it off
                cleaned = np.where((labels == 0) | (cleaned == 0), labels, cleaned)
        if self._has_background:
            if self._regions and (cleaned == 1).any():
                self._present.add(0)
            cleaned = np.maximum(cleaned - 1, 0)
        if self._regions:
            cleaned = connected_regions(cleaned)
            most = int(cleaned.max(initial=0))
            cleaned = np.where(cleaned > 0, cleaned + self._offset, 0)
            self._offset += most
        self._put(frame, cleaned)

    def _put(self, location: Location, labels: NDArray[Any]) -> None:
        if not self._regions:
            self._present.update(_different(labels, self._has_background))
        store_labels(self._out, self._stack.place(location), labels)


@dataclass
class _Gathered:
    """Blocks of an incomplete frame: `labels` is 0 where a block is missing.

    `kept` masks pixels that clean-up leaves as they are; `missing` counts pixels.
    """

    frame: Location
    labels: NDArray[Any]
    kept: NDArray[np.bool_]
    missing: int

    @classmethod
    def of(cls, frame: Location, dtype: Any) -> _Gathered:
        labels = np.zeros(frame.shape, dtype)
        return cls(frame, labels, np.zeros(frame.shape, bool), labels.size)

    def take(
        self,
        window: tuple[slice, ...],
        labels: NDArray[Any],
        kept: NDArray[np.bool_] | None,
    ) -> bool:
        """Insert a block; return whether it was the last one."""
        self.labels[window] = labels
        if kept is not None:
            self.kept[window] = kept
        self.missing -= labels.size
        return self.missing == 0


def _different(labels: NDArray[Any], with_0: bool) -> list[int]:
    return [value for value in pixels_by_label(labels) if value > 0 or with_0]

"""Counts of pixels and connected regions of every class, and its largest region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.labels.regions import connected_regions, labels_of_regions

_MAX_COUNTED = 2**22
"""Largest range of labels that are counted by a table of that length."""


@dataclass(frozen=True, eq=False)
class ClassTable:
    """Classes of labels, ascending, and their counts; None if not measured."""

    values: NDArray[Any]
    n_pixels: NDArray[np.int64]
    n_regions: NDArray[np.int64] | None = None
    confidence: NDArray[np.float64] | None = None

    def __eq__(self, other: object) -> bool:
        """Compare labels and pixels."""
        return (
            isinstance(other, ClassTable)
            and np.array_equal(self.values, other.values)
            and np.array_equal(self.n_pixels, other.n_pixels)
        )

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class LargestRegion:
    """The largest connected region of a class, with its bounding box.

    `center` is its middle in the plane of the last two axes in which it is largest.
    """

    center: tuple[float, ...]
    start: tuple[int, ...]
    stop: tuple[int, ...]


def count_pixels(labels: NDArray[Any]) -> ClassTable:
    """List the classes with their pixels, background included if present."""
    flat = labels.ravel()
    if not flat.size:
        return ClassTable(flat.copy(), np.zeros(0, np.int64))
    lowest, highest = int(flat.min()), int(flat.max())
    if highest - lowest >= _MAX_COUNTED:
        return ClassTable(*np.unique(flat, return_counts=True))
    counts = np.zeros(highest - lowest + 1, np.int64)
    # In pieces: bincount makes an array of 8 bytes per pixel.
    for start in range(0, flat.size, 2**20):
        piece = flat[start : start + 2**20].astype(np.int64) - lowest
        counts += np.bincount(piece, minlength=len(counts))
    present = np.flatnonzero(counts)
    return ClassTable((present + lowest).astype(labels.dtype), counts[present])


def count_regions(
    labels: NDArray[Any], values: NDArray[Any], n_axes: int | None = None
) -> NDArray[np.int64]:
    """Return the number of connected regions of classes, 0 for background.

    `values` are all labels that occur, in ascending order.
    """
    classes = labels_of_regions(connected_regions(labels, n_axes), labels)
    rows = np.searchsorted(values, classes[1:])
    return np.bincount(rows, minlength=len(values)).astype(np.int64)


def largest(
    labels: NDArray[Any], value: int, n_axes: int | None = None
) -> LargestRegion | None:
    """Return the largest connected region of a class, None if the class is absent."""
    regions = connected_regions(labels == value, n_axes)
    sizes = np.bincount(regions.ravel())[1:]
    if not len(sizes):
        return None
    number = int(np.argmax(sizes)) + 1
    positions = np.array(np.nonzero(regions == number))
    start, stop = positions.min(axis=1), positions.max(axis=1) + 1
    planes, sizes = np.unique(positions[:-2], axis=1, return_counts=True)
    plane = planes[:, np.argmax(sizes)]
    in_plane = (positions[:-2] == plane[:, None]).all(axis=0)
    middle = positions[-2:, in_plane].mean(axis=1)
    return LargestRegion(
        tuple(float(c) for c in (*plane, *middle)),
        tuple(int(i) for i in start),
        tuple(int(i) for i in stop),
    )

"""Connected regions of labels, and counts and sums over labels.

Pixels connect by faces, along the last `n_axes` axes (at most three); along those
before, every plane or volume is on its own. Without `n_axes` pixels connect along the
last three axes that are longer than one. 0 is background.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.measure import label

_COUNTED_AT_ONCE = 2**22
_DENSE = 2**22
"""Values up to which there is a count for each."""

_MAX_CONNECTED_AXES = 3

Labels = NDArray[Any]
_T = TypeVar("_T", bound=np.generic)


def connected_regions(labels: Labels, n_axes: int | None = None) -> NDArray[np.int32]:
    """Return the connected regions of all classes, numbered from 1 in reading order."""
    regions = np.zeros(labels.shape, np.int32)
    n = 0

    def number(part: Labels, numbers: NDArray[np.int32]) -> None:
        nonlocal n
        numbers[...] = label(part, background=0, connectivity=1)
        if n:
            numbers[numbers > 0] += n
        n = max(n, int(numbers.max(initial=0)))

    for_each_part(number, n_axes, labels, regions)
    return regions


def labels_of_regions(regions: NDArray[Any], labels: Labels) -> Labels:
    """Return the label of every region, from that of region 0 on."""
    found = np.zeros(int(regions.max(initial=0)) + 1, labels.dtype)
    found[regions.ravel()] = labels.ravel()
    return found


def for_each_part(
    change: Callable[..., None], n_axes: int | None, *arrays: NDArray[Any]
) -> None:
    """Call a function on views of every part of arrays in which pixels connect.

    The arrays have one shape; those that `change` writes to have to be contiguous.
    """
    axes, n_leading = connecting_axes(arrays[0].shape, n_axes)
    lengths = [arrays[0].shape[axis] for axis in axes]
    views = [array.reshape(lengths) for array in arrays]
    for index in np.ndindex(*lengths[:n_leading]):
        change(*(view[index] for view in views))


def connecting_axes(shape: Sequence[int], n_axes: int | None) -> tuple[list[int], int]:
    """Return the axes that count, and how many leading ones nothing connects along."""
    axes = list(range(len(shape)))
    if n_axes is None:
        axes = [axis for axis in axes if shape[axis] > 1] or axes[-1:]
    n_axes = min(n_axes or _MAX_CONNECTED_AXES, _MAX_CONNECTED_AXES)
    return axes, max(len(axes) - n_axes, 0)


def absorb_small_regions(
    labels: Labels, min_size: int, n_axes: int | None = None
) -> Labels:
    """Give connected regions below `min_size` pixels the nearest other label.

    The labels stay where no region is large enough.
    """
    if min_size <= 1:
        return labels
    cleaned = labels.copy()

    def clean(part: Labels) -> None:
        part[...] = absorb(part, in_small_regions(part, min_size))

    for_each_part(clean, n_axes, cleaned)
    return cleaned


def in_small_regions(
    labels: NDArray[Any],
    min_size: float,
    candidates: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return a mask of pixels in regions of fewer than `min_size` pixels.

    Labels have one to three axes; pixels of 0 count as one region. Regions with a pixel
    outside `candidates` are not small.
    """
    regions = label(labels, background=0, connectivity=1)
    sizes = np.bincount(regions.ravel())
    small: NDArray[np.bool_] = sizes < min_size
    if candidates is not None:
        small &= np.bincount(regions[candidates], minlength=len(sizes)) == sizes
    in_small: NDArray[np.bool_] = small[regions]
    return in_small


def absorb(labels: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Give masked pixels the label of the nearest other pixel.

    The labels stay if all or nothing is masked.
    """
    if not mask.any() or mask.all():
        return labels
    nearest = distance_transform_edt(mask, return_distances=False, return_indices=True)
    absorbed: NDArray[Any] = labels[tuple(nearest)]
    return absorbed


def pixels_of(labels: Labels, values: Collection[int]) -> NDArray[np.bool_]:
    """Return a mask of the pixels of some classes."""
    limits = np.iinfo(labels.dtype)
    wanted = [v for v in values if limits.min <= v <= limits.max]
    if len(wanted) == 1:
        return np.asarray(labels == wanted[0])
    return np.isin(labels, np.array(wanted, labels.dtype))


def sum_by_label(
    labels: NDArray[Any], image: NDArray[np.float32], n_labels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sizes (k,) of labels 0..k-1 and the sums (k, C) of an image in them."""
    flat = labels.ravel()
    sizes = np.bincount(flat, minlength=n_labels).astype(np.float64)
    sums = [np.bincount(flat, weights=c.ravel(), minlength=n_labels) for c in image]
    return sizes, np.stack(sums, axis=1)


def pixels_by_label(labels: NDArray[Any]) -> dict[int, int]:
    """Return the number of pixels of every label that is there, however high it is."""
    found: dict[int, int] = {}
    for index in np.ndindex(labels.shape[:-2]):
        plane = np.asarray(labels[index])
        if plane.max(initial=0) < _DENSE:
            counts = count_values(plane, 1)
            values = np.flatnonzero(counts)
            pairs = zip(values.tolist(), counts[values].tolist(), strict=True)
        else:
            unique = np.unique(plane, return_counts=True)
            pairs = zip(*(part.tolist() for part in unique), strict=True)
        for value, n in pairs:
            found[value] = found.get(value, 0) + n
    return dict(sorted(found.items()))


def count_values(values: NDArray[Any], n_values: int) -> NDArray[np.int64]:
    """Count the values 0, 1, ... in little memory; `n_values` counts or more."""
    most = int(values.max(initial=0)) + 1 if values.size else 0
    counts = np.zeros(max(n_values, most), np.int64)
    # bincount converts its values to 8 bytes each.
    rows = max(_COUNTED_AT_ONCE // max(int(np.prod(values.shape[1:])), 1), 1)
    for first in range(0, len(values), rows):
        part = values[first : first + rows].ravel()
        counts += np.bincount(part, minlength=len(counts))
    return counts


def consecutive(labels: Labels) -> NDArray[np.int32]:
    """Close the gaps in 1..k, keeping the order; 0 stays."""
    present = np.bincount(labels.ravel()) > 0
    present[0] = False
    return np.cumsum(present, dtype=np.int32)[labels]


def enlarge(labels: NDArray[_T], shape: Sequence[int]) -> NDArray[_T]:
    """Bring labels, or values, to a larger shape by the nearest neighbour."""
    places = (
        np.arange(n) * small // n for n, small in zip(shape, labels.shape, strict=True)
    )
    enlarged: NDArray[_T] = labels[np.ix_(*places)]
    return enlarged

"""Label images: merging and numbering classes, connected regions, clean-up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.measure import label

__all__ = [
    "absorb",
    "absorb_small_regions",
    "connected_regions",
    "consecutive",
    "count_values",
    "enlarge",
    "frame_regions",
    "in_small_regions",
    "sum_by_label",
]

_COUNTED_AT_ONCE = 2**22

Labels = NDArray[np.int32]
_T = TypeVar("_T", bound=np.generic)


def absorb_small_regions(labels: Labels, min_size: int) -> Labels:
    """Give connected regions below `min_size` pixels the label of what is around them.

    Parameters
    ----------
    labels : (Y, X) ndarray of int
        Labels from 1.
    min_size : int
        Regions with fewer pixels are absorbed by the nearest larger one.

    Returns
    -------
    (Y, X) ndarray of int
        The labels; unchanged if no region is large enough.
    """
    if min_size <= 1:
        return labels
    return absorb(labels, in_small_regions(labels, min_size))


def in_small_regions(
    labels: NDArray[Any],
    min_size: float,
    candidates: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return which pixels lie in a region of fewer than `min_size` pixels.

    Parameters
    ----------
    labels : ndarray of int
        Labels in one to three dimensions; pixels of 0 count as one region.
    min_size : float
        Number of pixels, connected by faces, from which a region is not small.
    candidates : ndarray of bool, optional
        Regions with a pixel outside are not small.
    """
    regions = label(labels, background=0, connectivity=1)
    sizes = np.bincount(regions.ravel())
    small: NDArray[np.bool_] = sizes < min_size
    if candidates is not None:
        small &= np.bincount(regions[candidates], minlength=len(sizes)) == sizes
    in_small: NDArray[np.bool_] = small[regions]
    return in_small


def absorb(labels: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Give masked pixels the label of the nearest pixel that is not masked.

    Parameters
    ----------
    labels : ndarray of int
        Labels.
    mask : ndarray of bool
        What is absorbed.

    Returns
    -------
    ndarray of int
        The labels; unchanged if all or nothing is masked.
    """
    if not mask.any() or mask.all():
        return labels
    nearest = distance_transform_edt(mask, return_distances=False, return_indices=True)
    absorbed: NDArray[Any] = labels[tuple(nearest)]
    return absorbed


def connected_regions(labels: Labels) -> Labels:
    """Label the 4-connected pieces of every class, 1..k in raster order.

    Parameters
    ----------
    labels : (Y, X) ndarray of int
        Labels from 1; 0 stays 0.

    Returns
    -------
    (Y, X) ndarray of int32
        One number per connected piece.
    """
    return np.asarray(label(labels, background=0, connectivity=1), np.int32)


def frame_regions(labels: Labels, n_spatial: int = 2) -> Labels:
    """Label the connected pieces of every class in each frame, 1..k over all.

    Parameters
    ----------
    labels : (..., [Z,] Y, X) ndarray of int
        Labels from 1; 0 stays 0.
    n_spatial : int
        Axes of a frame: 2, or 3 for volumes.
    """
    frames = labels.reshape(-1, *labels.shape[-n_spatial:])
    numbered = [connected_regions(frame) for frame in frames]
    offset = 0
    for frame in numbered:
        most = int(frame.max(initial=0))
        frame[frame > 0] += offset
        offset += most
    return np.stack(numbered).reshape(labels.shape)


def sum_by_label(
    labels: NDArray[Any], image: NDArray[np.float32], n_labels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count and add up the pixels of every label.

    Parameters
    ----------
    labels : (Y, X) ndarray of int
        Labels 0..n_labels-1.
    image : (C, Y, X) ndarray
        What to add up.
    n_labels : int
        Number of labels.

    Returns
    -------
    sizes : (n_labels,) ndarray
        Number of pixels.
    sums : (n_labels, C) ndarray
        Sum of the pixels.
    """
    flat = labels.ravel()
    sizes = np.bincount(flat, minlength=n_labels).astype(np.float64)
    sums = [np.bincount(flat, weights=c.ravel(), minlength=n_labels) for c in image]
    return sizes, np.stack(sums, axis=1)


def count_values(values: NDArray[Any], n_values: int) -> NDArray[np.int64]:
    """Count each of the values 0, 1, ..., in little memory.

    Parameters
    ----------
    values : ndarray of int
        Of any shape, from 0.
    n_values : int
        Least length of the result.
    """
    most = int(values.max(initial=0)) + 1 if values.size else 0
    counts = np.zeros(max(n_values, most), np.int64)
    # bincount makes 8 bytes of every value that it is given.
    rows = max(_COUNTED_AT_ONCE // max(int(np.prod(values.shape[1:])), 1), 1)
    for first in range(0, len(values), rows):
        part = values[first : first + rows].ravel()
        counts += np.bincount(part, minlength=len(counts))
    return counts


def consecutive(labels: Labels) -> Labels:
    """Close the gaps in 1..k, keeping the order."""
    present = np.bincount(labels.ravel()) > 0
    return np.cumsum(present, dtype=np.int32)[labels]


def enlarge(labels: NDArray[_T], shape: Sequence[int]) -> NDArray[_T]:
    """Bring labels, or values, to a larger shape by the nearest neighbour."""
    places = (
        np.arange(n) * small // n for n, small in zip(shape, labels.shape, strict=True)
    )
    enlarged: NDArray[_T] = labels[np.ix_(*places)]
    return enlarged

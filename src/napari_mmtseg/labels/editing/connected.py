"""Connected regions of labels with any number of axes, and pixels of classes.

Pixels connect by faces, along the last `n_axes` axes (at most three); along those
before, every plane or volume is on its own. Without `n_axes` pixels connect along the
last three axes that are longer than one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

__all__ = ["connected", "connecting_axes", "for_each_part", "pixels_of"]

Labels = NDArray[Any]
Mask = NDArray[np.bool_]

MAX_CONNECTED_AXES = 3


def pixels_of(labels: Labels, values: Collection[int]) -> Mask:
    """Return where labels have one of some values."""
    limits = np.iinfo(labels.dtype)
    wanted = [v for v in values if limits.min <= v <= limits.max]
    if len(wanted) == 1:
        return np.asarray(labels == wanted[0])
    return np.isin(labels, np.array(wanted, labels.dtype))


def connected(labels: Labels, n_axes: int | None = None) -> tuple[NDArray[Any], int]:
    """Give numbers to the connected regions of all classes.

    Parameters
    ----------
    labels : ndarray of int
        The labels; 0 stays 0.
    n_axes : int, optional
        Number of last axes along which pixels connect.

    Returns
    -------
    regions : ndarray of int
        Regions 1..n in reading order.
    n : int
        Their number.
    """
    regions = np.zeros(labels.shape, np.int32)
    n = 0

    def number(part: Labels, numbers: NDArray[Any]) -> None:
        nonlocal n
        found, n_found = label(part, background=0, connectivity=1, return_num=True)
        numbers[...] = np.where(found, found + n, 0)
        n += int(n_found)

    for_each_part(number, n_axes, labels, regions)
    return regions, n


def for_each_part(
    change: Callable[..., None], n_axes: int | None, *arrays: NDArray[Any]
) -> None:
    """Call a function with every part of arrays in which pixels connect.

    Parameters
    ----------
    change : callable
        Gets a view of the same part of every array, in turn.
    n_axes : int or None
        Number of last axes along which pixels connect.
    *arrays : ndarray
        Of one shape; those that `change` writes to have to be contiguous.
    """
    axes, n_leading = connecting_axes(arrays[0].shape, n_axes)
    lengths = [arrays[0].shape[axis] for axis in axes]
    views = [array.reshape(lengths) for array in arrays]
    for index in np.ndindex(*lengths[:n_leading]):
        change(*(view[index] for view in views))


def connecting_axes(shape: Sequence[int], n_axes: int | None) -> tuple[list[int], int]:
    """Return the axes to look at, and along how many of the first nothing connects.

    Parameters
    ----------
    shape : sequence of int
        Of the labels.
    n_axes : int or None
        Number of last axes along which pixels connect.
    """
    axes = list(range(len(shape)))
    if n_axes is None:
        axes = [axis for axis in axes if shape[axis] > 1] or axes[-1:]
    n_axes = min(n_axes or MAX_CONNECTED_AXES, MAX_CONNECTED_AXES)
    return axes, max(len(axes) - n_axes, 0)

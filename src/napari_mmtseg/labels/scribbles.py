"""Scribbles: painted pixels, checked and brought to other shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError

Labels = NDArray[np.int32]


def read_scribbles(scribbles: Any, shape: tuple[int, ...]) -> Labels:
    """Return scribbles as int32.

    Raises InputError if they are not whole numbers from 0 in the shape of the image.
    """
    painted = np.asarray(np.ma.filled(scribbles, 0))
    if painted.dtype.kind not in "iu" or painted.shape != shape:
        raise InputError(
            f"Scribbles of shape {painted.shape} and type {painted.dtype} are not "
            f"accepted: give whole numbers in the shape of the image, {shape}."
        )
    if painted.min() < 0 or painted.max() > np.iinfo(np.int32).max:
        raise InputError(
            f"Scribbles from {painted.min()} to {painted.max()} are not accepted: give "
            "0 for unpainted pixels and classes from 1 to "
            f"{np.iinfo(np.int32).max}."
        )
    return painted.astype(np.int32)


def painted_values(scribbles: list[Labels | None]) -> Labels:
    """Return the labels in the scribbles of several images, ascending."""
    values = [np.unique(painted) for painted in scribbles if painted is not None]
    found: Labels = np.unique(np.concatenate([np.zeros(1, np.int32), *values]))
    return found[found > 0]


def free_values(taken: Labels, n: int) -> Labels:
    """Return the `n` smallest values from 1 that are not taken."""
    upwards = np.arange(1, len(taken) + n + 1, dtype=np.int32)
    free: Labels = np.setdiff1d(upwards, taken)[:n]
    return free


def painted_places(
    painted: NDArray[Any], shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]]:
    """Return the positions of scribbles in another shape, thin lines included.

    `painted` is (Y, X), 0 where nothing is painted. Returned are pixels of the other
    shape, counted row by row, once for every label painted there; their labels; and the
    number of painted pixels that fall on each, all (n,).
    """
    rows, columns = np.nonzero(painted)
    height, width = painted.shape
    at = rows * shape[0] // height * shape[1] + columns * shape[1] // width
    values, number = np.unique(painted[rows, columns], return_inverse=True)
    n = max(len(values), 1)
    pairs, counts = np.unique(at * n + number, return_counts=True)
    return pairs // n, values[pairs % n], counts


def shrink_painted(painted: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Bring scribbles (Y, X) to a smaller shape that keeps thin lines.

    Each of its pixels takes the label painted most often in it.
    """
    if painted.shape == tuple(shape):
        return painted
    small = np.zeros(shape, painted.dtype)
    places, values, counts = painted_places(painted, shape)
    # The most frequent last, so that it stays.
    order = np.argsort(counts, kind="stable")
    small.flat[places[order]] = values[order]
    return small

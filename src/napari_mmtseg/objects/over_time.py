"""Objects that keep their number from one point in time to the next."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_mmtseg.objects.found import Objects
from napari_mmtseg.objects.frames import frames_of

_LEAST = 0.1
"""Intersection over union from which two objects can be the same."""


def iter_over_time(
    objects: Objects, time_axis: int, n_dims: int
) -> Generator[None, None, Objects]:
    """Give objects the number that they had one point in time before.

    The objects of two points in time are assigned to each other one to one, so that
    their summed intersection over union is largest (Hungarian method; Kuhn, Naval
    Research Logistics Quarterly 2, 1955). One without a partner keeps a number of its
    own. No object is found again after a gap, and a division begins one new number:
    that is the work of a tracker.

    Parameters
    ----------
    objects : Objects
        Different numbers in every frame; the labels are changed in place.
    time_axis : int
        Axis of time in the labels, one of those before the last `n_dims`.
    n_dims : int
        Axes of a frame: 2, or 3 for volumes.

    Yields
    ------
    None
        After every frame.

    Returns
    -------
    Objects
        The same labels, and the new classes.
    """
    out = objects.labels
    number = np.arange(objects.n_objects + 1)
    for index in frames_of(out.shape, n_dims):
        if index[time_axis]:
            before = list(index)
            before[time_axis] -= 1
            now = np.asarray(out[index])
            for new, old in _partners(now, np.asarray(out[tuple(before)])):
                number[new] = old
            out[index] = number[now].astype(out.dtype, copy=False)
        yield
    used = np.unique(number)
    closed = np.zeros(len(number), np.int64)
    closed[used] = np.arange(len(used))
    for index in frames_of(out.shape, n_dims):
        out[index] = closed[np.asarray(out[index])].astype(out.dtype, copy=False)
        yield
    return replace(objects, classes=objects.classes[used])


def _partners(now: NDArray[Any], before: NDArray[Any]) -> list[tuple[int, int]]:
    """Return the objects of now, each with the one before that it goes on from."""
    both = (now > 0) & (before > 0)
    if not both.any():
        return []
    pairs, shared = np.unique(
        np.stack([now[both], before[both]]), axis=1, return_counts=True
    )
    names, rows = np.unique(pairs[0], return_inverse=True)
    others, columns = np.unique(pairs[1], return_inverse=True)
    sizes, sizes_before = (_sizes(a, n) for a, n in ((now, names), (before, others)))
    union = sizes[rows] + sizes_before[columns] - shared
    likeness = np.zeros((len(names), len(others)))
    likeness[rows, columns] = shared / union
    likeness[likeness < _LEAST] = 0
    matched = linear_sum_assignment(likeness, maximize=True)
    return [
        (int(names[i]), int(others[j]))
        for i, j in zip(*matched, strict=True)
        if likeness[i, j] > 0
    ]


def _sizes(labels: NDArray[Any], names: NDArray[Any]) -> NDArray[np.intp]:
    values, counts = np.unique(labels, return_counts=True)
    found: NDArray[np.intp] = counts[np.searchsorted(values, names)]
    return found

"""An object cut in two along a line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.draw import line as line_between
from skimage.measure import label

from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.editing.operations import unused_labels
from napari_mmtseg.labels.regions import absorb

Labels = NDArray[Any]


def split_by_line(
    labels: Labels,
    line: Sequence[Sequence[float]],
    *,
    value: int | None = None,
    taken: Collection[int] = (),
) -> Labels:
    """Cut the object under a line in two.

    Parameters
    ----------
    labels : (Y, X) or (Z, Y, X) ndarray of int
        A volume is cut through all of its slices.
    line : sequence of (y, x)
        Points of the line, in pixels.
    value : int, optional
        The object; the one that most of the line lies on without it.
    taken : collection of int
        Labels that the new part must not get.

    Returns
    -------
    ndarray
        The largest part keeps the label; pixels on the line go to the nearest part.

    Raises
    ------
    InputError
        If the line does not go through an object from one side to the other.
    """
    rows, columns = _pixels(line, labels.shape[-2:])
    under = labels[..., rows, columns]
    if value is None:
        present, counts = np.unique(under[under > 0], return_counts=True)
        if not len(present):
            raise InputError("The line lies on no object. Draw it across the object.")
        value = int(present[np.argmax(counts)])
    mask = labels == value
    barrier = np.zeros(labels.shape[-2:], bool)
    barrier[rows, columns] = True
    before = int(label(mask, connectivity=1).max())
    parts = label(mask & ~barrier, connectivity=1)
    n = int(parts.max())
    if n <= before:
        raise InputError(
            f"The line does not go all the way through object {value}. Begin and end "
            "it outside the object."
        )
    sizes = np.bincount(parts.ravel())[1:]
    names = np.full(n + 1, value, labels.dtype)
    others = np.flatnonzero(np.arange(n) != np.argmax(sizes)) + 1
    names[others] = unused_labels(labels, len(others), taken)
    names[0] = 0
    return np.where(mask, names[absorb(parts, parts == 0)], labels)


def _pixels(
    line: Sequence[Sequence[float]], shape: Sequence[int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    points = np.round(np.asarray(line, float)).astype(int)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
        raise InputError("A line has two points or more. Draw it across the object.")
    pieces = [line_between(*a, *b) for a, b in pairwise(points)]
    rows, columns = (np.concatenate(part) for part in zip(*pieces, strict=True))
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows[inside], columns[inside]

"""Objects of a frame: which ones stay, their numbers and their classes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.objects.frames import bands_of
from napari_mmtseg.settings.fields import SegmentationSettings

SMALLEST = 1 / 3
"""Diameter over the size below which an object is left out, if nothing is said."""


def size_limits(
    settings: SegmentationSettings,
    size: float,
    unit: float,
    sampling: tuple[float, ...],
) -> tuple[float, float]:
    """Return the least and the most pixels of an object."""
    smallest = settings.smallest_object
    smallest = SMALLEST * size if smallest is None else smallest / unit
    largest = settings.largest_object
    diameters = smallest, np.inf if largest is None else largest / unit
    n_dims = len(sampling)
    ball = np.pi / 4 if n_dims == 2 else np.pi / 6
    volume = float(np.prod(sampling))
    least, most = (ball * d**n_dims / volume for d in diameters)
    return least, most


def kept_objects(
    numbered: NDArray[Any],
    read_classes: Callable[[tuple[slice, ...]], NDArray[Any]],
    foreground: tuple[int, ...],
    limits: tuple[float, float],
    *,
    dimmest: int,
    keep_border: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a new number of every object, 0 if it goes, and the classes of the rest.

    Numbers are in the order in which objects begin. Pixels of no class of the
    foreground, as in filled holes and dim objects, count for the class `dimmest`.
    """
    names = np.sort(np.asarray(foreground, np.int64))
    first: NDArray[np.int64] = np.zeros(0, np.int64)
    pairs, offset = [], 0
    for rows in bands_of(numbered.shape):
        band = np.asarray(numbered[rows])
        places = np.flatnonzero(band)
        objects = band.ravel()[places].astype(np.int64)
        values = read_classes(rows).ravel()[places]
        at = np.minimum(np.searchsorted(names, values), len(names) - 1)
        at[names[at] != values] = np.searchsorted(names, dimmest)
        keys = objects * len(names) + at
        pairs.append(np.stack(np.unique(keys, return_counts=True)))
        n = 1 + max(int(band.max(initial=0)), len(first) - 1)
        seen = np.full(n, np.iinfo(np.int64).max)
        # Backwards, so that the first pixel of each is what stays.
        seen[objects[::-1]] = places[::-1] + offset
        seen[: len(first)] = np.minimum(seen[: len(first)], first)
        first, offset = seen, offset + band.size
    keys, counts = np.concatenate(pairs, axis=1)
    sizes = np.bincount(keys // len(names), counts, len(first))
    keep = (sizes > 0) & (sizes >= limits[0]) & (sizes <= limits[1])
    keep[0] = False
    if not keep_border:
        for axis, side in itertools.product((-2, -1), (0, -1)):
            keep[np.unique(np.take(numbered, side, axis))] = False
    kept = np.flatnonzero(keep)
    kept = kept[np.argsort(first[kept])]
    new = np.zeros(len(first), np.int64)
    new[kept] = np.arange(1, len(kept) + 1)
    return new, names[_majority(keys, counts, len(names), len(first))[kept]]


def _majority(
    keys: NDArray[np.int64], counts: NDArray[np.int64], n_classes: int, n: int
) -> NDArray[np.int64]:
    """Return the place of the class that most of every object has, the first of equals.

    A key is the object times `n_classes` plus the place of a class.
    """
    keys, group = np.unique(keys, return_inverse=True)
    totals = np.bincount(group, counts, len(keys))
    objects, at = np.divmod(keys, n_classes)
    found = np.zeros(n, np.int64)
    order = np.lexsort((-at, totals))
    found[objects[order]] = at[order]  # the last one, which is the largest, stays
    return found


def check_room(out: Any, n: int) -> None:
    """Raise InputError if an array cannot hold n objects."""
    dtype = np.dtype(out.dtype)
    if n > np.iinfo(dtype).max:
        raise InputError(
            f"There are {n} objects or more, but {dtype} ends at "
            f"{np.iinfo(dtype).max}. Take an array of int32."
        )

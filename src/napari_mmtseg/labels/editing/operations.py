"""Edits of classes: each one a function from labels to labels.

Labels are arrays of any integer type with any number of axes; 0 is background. No
function changes its argument, and the result has its shape and type. For `n_axes`,
see :mod:`napari_mmtseg.labels.regions`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.regions import (
    connected_regions,
    labels_of_regions,
    pixels_of,
)

Labels = NDArray[Any]


def merge(labels: Labels, values: Collection[int], into: int) -> Labels:
    """Give all pixels of some classes the label `into`."""
    merged = labels.copy()
    merged[pixels_of(labels, values)] = into
    return merged


def set_background(labels: Labels, values: Collection[int]) -> Labels:
    """Make all pixels of some classes background."""
    return merge(labels, values, 0)


def swap(labels: Labels, first: int, second: int) -> Labels:
    """Exchange two labels."""
    swapped = labels.copy()
    swapped[labels == first] = second
    swapped[labels == second] = first
    return swapped


def relabel(labels: Labels) -> Labels:
    """Give the classes the numbers 1..k in the order of their labels; 0 stays.

    Raises InputError if the type of the labels cannot hold k.
    """
    values = np.unique(labels)
    n = int(np.count_nonzero(values))
    refuse_large(n, n, labels.dtype)
    new = np.cumsum(values != 0).astype(labels.dtype)
    new[values == 0] = 0
    return new[np.searchsorted(values, labels)]


def split(
    labels: Labels,
    values: Collection[int],
    *,
    taken: Collection[int] = (),
    n_axes: int | None = None,
) -> Labels:
    """Give every connected region of the classes `values` a label of its own.

    The largest region of each keeps the label; the others get, in reading order, the
    smallest labels that are neither used nor `taken`. Raises InputError if there is
    nothing to split, or the type of the labels has too few values.
    """
    mask = pixels_of(labels, values) & (labels != 0)
    regions = connected_regions(np.where(mask, labels, 0), n_axes)
    sizes = np.bincount(regions.ravel())
    n = len(sizes) - 1
    classes = labels_of_regions(regions, labels)
    new = classes.copy()
    order = np.lexsort((np.arange(1, n + 1), -sizes[1:], classes[1:])) + 1
    is_first = np.ones(n, bool)
    is_first[1:] = classes[order][1:] != classes[order][:-1]
    others = np.sort(order[~is_first])
    if not len(others):
        raise InputError(
            f"{_named(values)} cannot be split: every class is one region already."
        )
    new[others] = unused_labels(labels, len(others), taken)
    return np.where(mask, new[regions], labels)


def split_region(
    labels: Labels,
    position: Sequence[int],
    *,
    taken: Collection[int] = (),
    n_axes: int | None = None,
) -> Labels:
    """Give the connected region at the index of a pixel a label of its own.

    Raises InputError if the pixel lies in the background or in a class of one region,
    or the type of the labels has no value left.
    """
    value = labels[tuple(position)]
    if value == 0:
        raise InputError("That pixel is background. Click a class.")
    regions = connected_regions(np.where(labels == value, labels, 0), n_axes)
    mask = regions == regions[tuple(position)]
    if np.count_nonzero(mask) == np.count_nonzero(regions):
        raise InputError(f"Class {value} has only this region.")
    out = labels.copy()
    out[mask] = unused_labels(labels, 1, taken)[0]
    return out


def unused_labels(labels: Labels, n: int, taken: Collection[int]) -> Labels:
    """Return the n smallest labels that are neither used nor taken.

    Raises InputError if the type of the labels has too few values.
    """
    present = np.unique(labels).astype(np.int64)
    used = np.union1d(present, np.asarray(list(taken), np.int64))
    used = used[used > 0]
    # Among the first n + len(used) numbers at least n are free.
    free = np.setdiff1d(np.arange(1, n + len(used) + 1), used)[:n]
    refuse_large(int(free[-1]), n, labels.dtype)
    return free.astype(labels.dtype)


def refuse_large(highest: int, n: int, dtype: np.dtype[Any]) -> None:
    """Raise InputError if labels up to `highest` do not fit in a type."""
    limit = int(np.iinfo(dtype).max)
    if highest > limit:
        raise InputError(
            f"{n} labels up to {highest} are needed, but {dtype} ends at {limit}. "
            "Convert the labels to int32 first: right-click the layer, Convert data "
            "type; or layer.data = layer.data.astype('int32')."
        )


def _named(values: Collection[int]) -> str:
    names = ", ".join(str(v) for v in list(values)[:5])
    more = ", …" if len(values) > 5 else ""
    return f"Class{'es' if len(values) > 1 else ''} {names}{more}"

"""What an editor does to labels: each operation a function from labels to labels.

Labels are arrays of any integer type with any number of axes; 0 is background. Pixels
connect by faces, along the last `n_axes` axes (at most three); along those before, every
plane or volume is on its own. Without `n_axes` pixels connect along the last three axes
that are longer than one. No function changes its argument, and the result has its shape
and type.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label

from napari_mmtseg.errors import InputError
from napari_mmtseg.regions import absorb, in_small_regions

__all__ = [
    "MAX_CONNECTED_AXES",
    "connected",
    "fill_holes",
    "merge",
    "relabel",
    "remove_islands",
    "set_background",
    "smooth",
    "split",
    "split_region",
    "swap",
]

Labels = NDArray[Any]
Mask = NDArray[np.bool_]

MAX_CONNECTED_AXES = 3


def merge(labels: Labels, values: Collection[int], into: int) -> Labels:
    """Give all pixels of some classes the label `into`."""
    merged = labels.copy()
    merged[_of(labels, values)] = into
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
    """Number the classes 1..k in the order of their labels; 0 stays.

    Raises
    ------
    InputError
        If the type of the labels cannot hold k.
    """
    values = np.unique(labels)
    _refuse_large(np.count_nonzero(values), np.count_nonzero(values), labels.dtype)
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
    """Give every connected region of some classes a label of its own.

    Parameters
    ----------
    labels : ndarray of int
        The labels.
    values : collection of int
        Classes to split. The largest region of each keeps the label; the others get the
        smallest labels that are not in use, in reading order.
    taken : collection of int
        Labels not to be given, in addition to those in `labels`.
    n_axes : int, optional
        Number of last axes along which pixels connect.

    Returns
    -------
    ndarray of int
        The labels.

    Raises
    ------
    InputError
        If there is nothing to split, or the type of the labels has too few values.
    """
    mask = _of(labels, values) & (labels != 0)
    regions, n = connected(np.where(mask, labels, 0), n_axes)
    sizes = np.bincount(regions.ravel(), minlength=n + 1)
    classes = np.zeros(n + 1, labels.dtype)
    classes[regions.ravel()] = labels.ravel()
    new = classes.copy()
    order = np.lexsort((np.arange(1, n + 1), -sizes[1:], classes[1:])) + 1
    is_first = np.ones(n, bool)
    is_first[1:] = classes[order][1:] != classes[order][:-1]
    others = np.sort(order[~is_first])
    if not len(others):
        raise InputError(
            f"{_named(values)} cannot be split: every class is one region already."
        )
    new[others] = _unused(labels, len(others), taken)
    return np.where(mask, new[regions], labels)


def split_region(
    labels: Labels,
    position: Sequence[int],
    *,
    taken: Collection[int] = (),
    n_axes: int | None = None,
) -> Labels:
    """Give the connected region at a position a label of its own.

    Parameters
    ----------
    labels, taken, n_axes
        As for :func:`split`.
    position : sequence of int
        Index of a pixel of the region.

    Returns
    -------
    ndarray of int
        The labels.

    Raises
    ------
    InputError
        If the position lies in the background or in a class of one region, or the type
        of the labels has no value left.
    """
    value = labels[tuple(position)]
    if value == 0:
        raise InputError("There is background at that place. Click a class.")
    regions, _ = connected(np.where(labels == value, labels, 0), n_axes)
    mask = regions == regions[tuple(position)]
    if np.count_nonzero(mask) == np.count_nonzero(regions):
        raise InputError(f"Class {value} has no other region than this one.")
    out = labels.copy()
    out[mask] = _unused(labels, 1, taken)[0]
    return out


def remove_islands(
    labels: Labels,
    min_size: float,
    values: Collection[int] | None = None,
    *,
    background_too: bool = False,
    n_axes: int | None = None,
) -> Labels:
    """Give connected regions below a size the label of what is nearest to them.

    Parameters
    ----------
    labels : ndarray of int
        The labels.
    min_size : float
        Regions with fewer pixels go. Those that background surrounds become background.
    values : collection of int, optional
        The classes whose regions may go; all but the background without.
    background_too : bool
        Whether small regions of background are islands as well; also where 0 is among
        `values`.
    n_axes : int, optional
        Number of last axes along which pixels connect.

    Returns
    -------
    ndarray of int
        The labels; where every region is too small, they stay.
    """
    may_go = np.ones(labels.shape, bool) if values is None else _of(labels, values)
    if values is None and not background_too:
        may_go &= labels != 0
    elif background_too:
        may_go |= labels == 0
    out = labels.copy()

    def remove(part: Labels, candidates: Mask) -> None:
        # Nearest pixels may leave pieces of an island behind, each smaller than it.
        while True:
            regions = _not_zero(part) if candidates[part == 0].any() else part
            small = in_small_regions(regions, min_size, candidates)
            if not small.any() or small.all():
                return
            part[...] = absorb(part, small)
            candidates &= small

    _for_each_part(remove, n_axes, out, may_go)
    return out


def fill_holes(
    labels: Labels,
    values: Collection[int] | None = None,
    *,
    max_size: float = np.inf,
    n_axes: int | None = None,
) -> Labels:
    """Fill what one class encloses.

    A hole does not touch the border of the image.

    Parameters
    ----------
    labels : ndarray of int
        The labels.
    values : collection of int, optional
        Classes whose holes are filled, whatever class is in them. Without, the holes of
        all classes, as far as they are background: nothing else is lost.
    max_size : float
        Holes with more pixels stay.
    n_axes : int, optional
        Number of last axes along which pixels connect.

    Returns
    -------
    ndarray of int
        The labels.
    """
    out = labels.copy()

    def fill(part: Labels) -> None:
        if values is None:
            _fill_background(part, max_size)
            return
        for value in values:
            holes = _holes(part == value, max_size)
            part[holes] = value

    _for_each_part(fill, n_axes, out)
    return out


def smooth(
    labels: Labels,
    radius: float | Sequence[float],
    values: Collection[int] | None = None,
    *,
    n_axes: int | None = None,
) -> Labels:
    """Even out boundaries: every pixel goes to the class that prevails around it.

    Classes are weighed by a Gaussian of the given radius at which it is cut off. A
    class that would vanish stays as it is.

    Parameters
    ----------
    labels : ndarray of int
        The labels.
    radius : float or sequence of float
        In pixels, for all axes or for each.
    values : collection of int, optional
        Only boundaries of these classes move.
    n_axes : int, optional
        Number of last axes along which pixels are weighed.

    Returns
    -------
    ndarray of int
        The labels.
    """
    radii = np.broadcast_to(np.asarray(radius, float), labels.ndim)
    axes, n_leading = _arrange(labels.shape, n_axes)
    of_part = [float(radii[axis]) for axis in axes[n_leading:]]
    out = labels.copy()

    def smooth_part(part: Labels) -> None:
        winner = _prevailing(part, of_part)
        if values is not None:
            winner = np.where(_of(part, values) | _of(winner, values), winner, part)
        part[...] = winner

    _for_each_part(smooth_part, n_axes, out)
    lost = np.setdiff1d(np.unique(labels), np.unique(out))
    return np.where(_of(labels, lost), labels, out) if len(lost) else out


def connected(labels: Labels, n_axes: int | None = None) -> tuple[NDArray[Any], int]:
    """Number the connected regions of all classes.

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

    _for_each_part(number, n_axes, labels, regions)
    return regions, n


def _for_each_part(
    change: Callable[..., None], n_axes: int | None, *arrays: NDArray[Any]
) -> None:
    """Call `change` with the same part of all arrays, as views."""
    axes, n_leading = _arrange(arrays[0].shape, n_axes)
    lengths = [arrays[0].shape[axis] for axis in axes]
    views = [array.reshape(lengths) for array in arrays]
    for index in np.ndindex(*lengths[:n_leading]):
        change(*(view[index] for view in views))


def _arrange(shape: Sequence[int], n_axes: int | None) -> tuple[list[int], int]:
    """Return the axes to look at and along how many of the first nothing connects."""
    axes = list(range(len(shape)))
    if n_axes is None:
        axes = [axis for axis in axes if shape[axis] > 1] or axes[-1:]
    n_axes = min(n_axes or MAX_CONNECTED_AXES, MAX_CONNECTED_AXES)
    return axes, max(len(axes) - n_axes, 0)


def _of(labels: Labels, values: Collection[int]) -> Mask:
    limits = np.iinfo(labels.dtype)
    wanted = [v for v in values if limits.min <= v <= limits.max]
    if len(wanted) == 1:
        return np.asarray(labels == wanted[0])
    return np.isin(labels, np.array(wanted, labels.dtype))


def _not_zero(labels: Labels) -> Labels:
    """Return labels with another value in the place of 0."""
    free = int(labels.max()) + 1
    wide = labels.astype(np.int64)
    wide[labels == 0] = free
    return wide


def _unused(labels: Labels, n: int, taken: Collection[int]) -> Labels:
    present = np.unique(labels).astype(np.int64)
    used = np.union1d(present, np.asarray(list(taken), np.int64))
    used = used[used > 0]
    # Among the first n + len(used) numbers at least n are free.
    free = np.setdiff1d(np.arange(1, n + len(used) + 1), used)[:n]
    _refuse_large(int(free[-1]), n, labels.dtype)
    return free.astype(labels.dtype)


def _refuse_large(highest: int, n: int, dtype: np.dtype[Any]) -> None:
    limit = int(np.iinfo(dtype).max)
    if highest > limit:
        raise InputError(
            f"{n} labels are needed, up to {highest}, but {dtype} ends at {limit}. "
            "Convert the labels to int32 first: right-click the layer, Convert data "
            "type; or layer.data = layer.data.astype('int32')."
        )


def _named(values: Collection[int]) -> str:
    names = ", ".join(str(v) for v in list(values)[:5])
    more = ", …" if len(values) > 5 else ""
    return f"Class{'es' if len(values) > 1 else ''} {names}{more}"


def _holes(mask: Mask, max_size: float) -> Mask:
    holes = np.zeros(mask.shape, bool)
    box = ndimage.find_objects(mask.astype(np.uint8))
    if not box:
        return holes
    # What lies outside the box of a class cannot be enclosed by it.
    inside = mask[box[0]]
    filled = ndimage.binary_fill_holes(inside) & ~inside
    if np.isfinite(max_size):
        filled &= in_small_regions(filled, int(max_size) + 1)
    holes[box[0]] = filled
    return holes


def _fill_background(labels: Labels, max_size: float) -> None:
    regions, n = label(labels == 0, connectivity=1, return_num=True)
    lowest = np.full(n + 1, np.iinfo(np.int64).max)
    highest = np.full(n + 1, np.iinfo(np.int64).min)
    is_hole = np.bincount(regions.ravel(), minlength=n + 1) <= max_size
    is_hole[0] = False
    for axis in range(labels.ndim):
        for end in (0, -1):
            is_hole[regions.take(end, axis)] = False
        for behind, ahead in (
            (slice(None, -1), slice(1, None)),
            (slice(1, None), slice(None, -1)),
        ):
            here = (slice(None),) * axis + (behind,)
            there = (slice(None),) * axis + (ahead,)
            touches = (regions[here] > 0) & (labels[there] != 0)
            around = labels[there][touches].astype(np.int64)
            np.minimum.at(lowest, regions[here][touches], around)
            np.maximum.at(highest, regions[here][touches], around)
    is_hole &= lowest == highest
    mask = is_hole[regions]
    labels[mask] = lowest[regions[mask]].astype(labels.dtype)


def _prevailing(labels: Labels, radii: Sequence[float]) -> Labels:
    values, codes = np.unique(labels, return_inverse=True)
    codes = codes.reshape(labels.shape).astype(np.int32) + 1
    best = np.zeros(labels.shape, np.float32)
    winner = labels.copy()
    reach = [int(np.ceil(r)) for r in radii]
    for value, box in zip(values, ndimage.find_objects(codes), strict=True):
        assert box is not None
        around = tuple(
            slice(max(s.start - r, 0), s.stop + r)
            for s, r in zip(box, reach, strict=True)
        )
        mask = labels[around] == value
        weight = ndimage.gaussian_filter(
            mask.astype(np.float32),
            sigma=[r / 2 for r in radii],
            radius=reach,
            mode="nearest",
        )
        weight[mask] += 1e-4  # at a tie a pixel stays what it is
        wins = weight > best[around]
        best[around][wins] = weight[wins]
        winner[around][wins] = value
    return winner

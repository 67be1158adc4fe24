"""Removal of islands, holes and rough boundaries.

As in :mod:`~napari_mmtseg.labels.editing.operations`, no function changes its argument.
Only the classes among `values` change; pixels connect along the last `n_axes` axes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_mmtseg.labels.regions import (
    absorb,
    connected_regions,
    connecting_axes,
    for_each_part,
    in_small_regions,
    pixels_of,
)

Labels = NDArray[Any]
Mask = NDArray[np.bool_]


def remove_islands(
    labels: Labels,
    min_size: float,
    values: Collection[int] | None = None,
    *,
    background_too: bool = False,
    n_axes: int | None = None,
) -> Labels:
    """Give connected regions of fewer than `min_size` pixels the nearest other label.

    Labels stay where every region is too small. Islands surrounded by background become
    background. By default all classes except background may go; with `background_too`
    small regions of background go as well, even if 0 is not among `values`.
    """
    may_go = labels != 0 if values is None else pixels_of(labels, values)
    if background_too:
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

    for_each_part(remove, n_axes, out, may_go)
    return out


def fill_holes(
    labels: Labels,
    values: Collection[int] | None = None,
    *,
    max_size: float = np.inf,
    n_axes: int | None = None,
) -> Labels:
    """Fill holes of up to `max_size` pixels that one class encloses.

    A hole does not touch the border of the image. The holes of the classes in `values`
    are filled, whatever class is in them; by default those of all classes, if they are
    background: no other class is lost.
    """
    out = labels.copy()

    def fill(part: Labels) -> None:
        if values is None:
            _fill_background(part, max_size)
            return
        for value in values:
            part[_holes(part == value, max_size)] = value

    for_each_part(fill, n_axes, out)
    return out


def smooth(
    labels: Labels,
    radius: float | Sequence[float],
    values: Collection[int] | None = None,
    *,
    n_axes: int | None = None,
) -> Labels:
    """Even out boundaries: every pixel takes the class that prevails around it.

    Classes are weighed by a Gaussian, cut off at the given radius, in pixels for all
    axes or for each. Only boundaries of the classes in `values` move. A class that
    would vanish stays as it is.
    """
    radii = np.broadcast_to(np.asarray(radius, float), labels.ndim)
    axes, n_leading = connecting_axes(labels.shape, n_axes)
    of_part = [float(radii[axis]) for axis in axes[n_leading:]]
    out = labels.copy()

    def smooth_part(part: Labels) -> None:
        winner = _prevailing(part, of_part)
        if values is not None:
            winner = np.where(
                pixels_of(part, values) | pixels_of(winner, values), winner, part
            )
        part[...] = winner

    for_each_part(smooth_part, n_axes, out)
    there = np.unique(labels)
    while len(lost := np.setdiff1d(there, np.unique(out))):
        # A class that comes back may take the last pixels of another one.
        out = np.where(pixels_of(labels, lost), labels, out)
    return out


def _not_zero(labels: Labels) -> Labels:
    free = int(labels.max()) + 1
    wide = labels.astype(np.int64)
    wide[labels == 0] = free
    return wide


def _holes(mask: Mask, max_size: float) -> Mask:
    holes = np.zeros(mask.shape, bool)
    box = ndimage.find_objects(mask.astype(np.uint8))
    if not box:
        return holes
    # A class encloses nothing outside its box.
    inside = mask[box[0]]
    filled = ndimage.binary_fill_holes(inside) & ~inside
    if np.isfinite(max_size):
        filled &= in_small_regions(filled, int(max_size) + 1)
    holes[box[0]] = filled
    return holes


def _fill_background(labels: Labels, max_size: float) -> None:
    regions = connected_regions(labels == 0)
    n = int(regions.max(initial=0))
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
    values = np.unique(labels)
    # Not return_inverse, which blocks all other Python threads.
    numbers = np.searchsorted(values, labels).astype(np.int32) + 1
    best = np.zeros(labels.shape, np.float32)
    winner = labels.copy()
    reach = [int(np.ceil(r)) for r in radii]
    for value, box in zip(values, ndimage.find_objects(numbers), strict=True):
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

"""Touching objects of a mask told apart: by their shape, their intensity, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    distance_transform_edt,
    gaussian_filter,
    maximum_filter,
)
from skimage.measure import label
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from napari_mmtseg.images.features import box_blur
from napari_mmtseg.labels.regions import in_small_regions
from napari_mmtseg.objects.union import Union

_SMOOTHING = 0.08
"""Standard deviation of the smoothing of distance and intensity, over the size."""

_SMOOTHING_ALONE = 0.15
"""The same for intensity without shape: texture within objects has to go."""

_DIP = 0.03
"""Dip between two centres, over the size, from which they are two objects."""

_INTENSITY_DIP = 0.05
"""The same for intensity, over the contrast of objects and background."""

_INTENSITY_WEIGHT = 0.1
"""Size that the whole contrast counts for where shape and intensity go together."""

_MOST_CONTRAST = 3.0
"""Contrast that one bright spot counts for at most."""

_WIDE = 32.0
"""Standard deviation of a blur, in pixels, from which boxes take its place."""

_HOLE = 0.2
"""Diameter, over the size, up to which holes in an object are filled."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Separation:
    """The way to tell touching objects apart, the same for all parts of an image.

    Attributes
    ----------
    method : {"distance", "intensity", "both", "off"}
        "off" leaves connected pieces as they are.
    size : float
        Typical diameter of an object, in pixels along X.
    sampling : tuple of float
        Distance of neighbouring pixels along every axis, over that along X.
    low, high : float
        Typical intensity of the background and of objects; objects may be darker.
    """

    method: str
    size: float
    sampling: tuple[float, ...]
    low: float = 0.0
    high: float = 1.0

    @property
    def reach(self) -> tuple[int, ...]:
        """Pixels along every axis beyond which nothing changes an object."""
        return tuple(int(max(2 * self.size, 32) / step) + 1 for step in self.sampling)

    def apply(self, mask: Mask, image: NDArray[Any] | None = None) -> NDArray[np.int32]:
        """Return the objects of a mask, numbered from 1; `image` has its shape."""
        mask = self._without_holes(mask)
        if self.method == "off":
            pieces: NDArray[np.int32] = label(mask, connectivity=1).astype(np.int32)
            return pieces
        if not mask.any():
            return np.zeros(mask.shape, np.int32)
        heights, dip = self._heights(mask, image)
        heights[~mask] = 0
        return _basins(heights, mask, dip)

    def pixels_across(self, share: float) -> float:
        """Return the pixels of a disc, or ball, of this diameter over the size."""
        n_dims = len(self.sampling)
        ball = np.pi / 4 if n_dims == 2 else np.pi / 6
        return ball * (share * self.size) ** n_dims / float(np.prod(self.sampling))

    def contrast(
        self, image: NDArray[Any], smoothing: float = _SMOOTHING
    ) -> NDArray[np.float32]:
        """Return the smooth intensity, 0 for the background and 1 for objects."""
        span = self.high - self.low or 1.0
        smooth: NDArray[np.float32] = self._smoothed(image, smoothing)
        with np.errstate(over="ignore"):
            return (smooth - np.float32(self.low)) / np.float32(span)

    def _without_holes(self, mask: Mask) -> Mask:
        """Fill holes that are small for an object: they would pass for borders."""
        holes = in_small_regions(~mask, self.pixels_across(_HOLE), ~mask)
        filled: Mask = mask | (holes & ~mask)
        return filled

    def _heights(
        self, mask: Mask, image: NDArray[Any] | None
    ) -> tuple[NDArray[np.float32], float]:
        """Return a landscape with a summit in every object, and the least dip."""
        contrast: NDArray[np.float32] | None = None
        if self.method != "distance":
            assert image is not None
            alone = self.method == "intensity"
            contrast = self.contrast(image, _SMOOTHING_ALONE if alone else _SMOOTHING)
            contrast = np.clip(contrast, 0, _MOST_CONTRAST)
            if alone:
                return contrast + np.float32(1e-3), _INTENSITY_DIP
        distance = distances(mask, self.sampling)
        heights = self._smoothed(distance, _SMOOTHING) / np.float32(self.size)
        if contrast is not None:
            heights += np.float32(_INTENSITY_WEIGHT) * contrast
        return heights, _DIP

    def _smoothed(self, values: NDArray[Any], share: float) -> NDArray[np.float32]:
        sigmas = [share * self.size / step for step in self.sampling]
        return blurred(values.astype(np.float32, copy=False), sigmas)


def blurred(
    values: NDArray[np.float32], sigmas: Sequence[float]
) -> NDArray[np.float32]:
    """Return the values blurred by Gaussians, wide ones as three boxes in a row.

    Boxes take the same time for every width.
    """
    if max(sigmas) <= _WIDE:
        smooth: NDArray[np.float32] = gaussian_filter(values, sigmas, mode="nearest")
        return smooth
    return box_blur(values, sigmas)


def distances(mask: Mask, sampling: Sequence[float]) -> NDArray[np.float64]:
    """Return the distance of every pixel of a mask from what is not in it.

    As :func:`scipy.ndimage.distance_transform_edt`, which works out all pixels.
    """
    nearest = distance_transform_edt(
        mask, sampling=sampling, return_distances=False, return_indices=True
    )
    squares = np.zeros(np.count_nonzero(mask))
    for here, there, step in zip(np.nonzero(mask), nearest, sampling, strict=True):
        squares += ((there[mask] - here) * step) ** 2
    found = np.zeros(mask.shape)
    found[mask] = np.sqrt(squares)
    return found


def typical_size(masks: Sequence[Mask], sampling: Sequence[float]) -> float | None:
    """Return the typical diameter of objects in pixels along X; None without any.

    Twice the distance of centres from the background: the median over the pixels, or
    voxels, of the largest circles, or balls, that fit in.
    """
    heights = []
    for mask in masks:
        if mask.any() and not mask.all():
            distance = distances(mask, sampling)
            is_top = (maximum_filter(distance, 3) == distance) & (distance > 0)
            heights.append(distance[is_top])
    if not heights:
        return None
    tops = np.sort(np.concatenate(heights))
    weights = np.cumsum(tops ** len(sampling))
    return 2 * float(tops[np.searchsorted(weights, weights[-1] / 2)])


def _basins(heights: NDArray[np.float32], mask: Mask, dip: float) -> NDArray[np.int32]:
    """Divide a mask along the valleys between summits that are deep enough.

    The result is that of a watershed from the extended maxima of
    :func:`skimage.morphology.h_maxima`, in a tenth of the time: first there is a basin
    for every summit, then those with a shallow pass between them become one.
    """
    summits = label(local_maxima(heights, connectivity=1) & mask, connectivity=1)
    basins = _flooded(heights, mask, summits)
    n = int(basins.max(initial=0))
    peaks = np.zeros(n + 1, np.float32)
    np.maximum.at(peaks, basins[mask], heights[mask])
    parents = Union(n + 1)
    for height, first, second in _passes(basins, heights):
        a, b = parents.find(first), parents.find(second)
        if a != b and min(peaks[a], peaks[b]) - height < dip:
            root = parents.join(a, b)
            peaks[root] = max(peaks[a], peaks[b])
    objects: NDArray[np.int32] = parents.numbers()[basins]
    return objects


def _flooded(
    heights: NDArray[np.float32], mask: Mask, summits: NDArray[Any]
) -> NDArray[Any]:
    """Return the watershed of a mask from its summits.

    A piece with one summit is its basin; only the others have to be flooded. Pieces
    without any, which are flat all over, get numbers of their own.
    """
    pieces = label(mask, connectivity=1)
    at = np.flatnonzero(summits)
    n, n_summits = int(pieces.max(initial=0)), int(summits.max(initial=0))
    first, last = np.full(n + 1, n_summits + 1), np.zeros(n + 1, np.intp)
    np.minimum.at(first, pieces.ravel()[at], summits.ravel()[at])
    np.maximum.at(last, pieces.ravel()[at], summits.ravel()[at])
    flat = last == 0
    first[flat] = n_summits + np.arange(np.count_nonzero(flat))
    first[0] = 0
    basins: NDArray[Any] = first.astype(np.int32)[pieces]
    crowded = (last > first)[pieces]
    if crowded.any():
        markers = np.where(crowded, summits, 0)
        flooded = watershed(-heights, markers, mask=crowded)
        np.copyto(basins, flooded, where=crowded)
    return basins


def _passes(
    basins: NDArray[Any], heights: NDArray[np.float32]
) -> list[tuple[float, int, int]]:
    """Return the highest pass between every two neighbouring basins, highest first."""
    keys, values = [], []
    n = int(basins.max(initial=0)) + 1
    for axis in range(basins.ndim):
        length = basins.shape[axis]
        first = basins.take(range(length - 1), axis)
        second = basins.take(range(1, length), axis)
        meets = (first != second) & (first > 0) & (second > 0)
        if meets.any():
            a, b = first[meets].astype(np.int64), second[meets].astype(np.int64)
            keys.append(np.minimum(a, b) * n + np.maximum(a, b))
            low = heights.take(range(length - 1), axis)[meets]
            values.append(np.minimum(low, heights.take(range(1, length), axis)[meets]))
    if not keys:
        return []
    key, value = np.concatenate(keys), np.concatenate(values)
    order = np.lexsort((-value, key))
    key, value = key[order], value[order]
    is_first = np.diff(key, prepend=-1) != 0
    key, value = key[is_first], value[is_first]
    order = np.argsort(-value, kind="stable")
    pairs = zip(value[order], *np.divmod(key[order], n), strict=True)
    return [(float(v), int(a), int(b)) for v, a, b in pairs]

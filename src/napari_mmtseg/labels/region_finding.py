"""Regions of an image: watershed basins that merge with their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from skimage.segmentation import watershed

from napari_mmtseg.images.clustering import TypicalValues
from napari_mmtseg.images.features import gradient_magnitude, local_deviation, smooth
from napari_mmtseg.labels.region_classes import RegionClasses
from napari_mmtseg.labels.region_merging import (
    BorderPixels,
    RegionMerging,
    RegionValues,
)
from napari_mmtseg.labels.regions import sum_by_label
from napari_mmtseg.labels.spectral_edges import spectral_edges

_WATERSHED_SIGMA = 1.6
_EDGE_SIGMAS = (1.2, 2.5)
"""Scales at both of which an edge has to stand out."""

_TEXTURE_SCALE = 4.0
_TEXTURE_WEIGHT = 3.0
_RESPONSE_SIGMA = 1.0
_ALWAYS = 0.005
_AT_ONCE = 2**16

_SPECTRAL_WEIGHT = 2.0
"""Weight of the borders between parts, where edges have the mean square 1."""

_FINE = 0.2
"""Height of the cut into regions over which texture is averaged."""

_CUTS = (0.05, 0.1, 0.2)
"""Heights of the cuts into regions over which scribbled classes are averaged."""


def region_hierarchy(
    image: NDArray[np.float32],
) -> tuple[NDArray[np.int64], RegionMerging]:
    """Return the basins (Y, X) of an image, from 0, and their merges.

    The image (C, Y, X) is normalised; its first channel is lightness or intensity. The
    basins are those of the gradient (watershed); they merge by values, local deviation
    and edges. The responses of the networks are left out: they made the regions not
    better, but different for every seed.
    """
    basins = watershed(gradient_magnitude(image, _WATERSHED_SIGMA), connectivity=1)
    # A flat image has no basin: all is 0 then.
    regions = np.maximum(basins.astype(np.int64) - 1, 0)
    fine, coarse = (gradient_magnitude(image, sigma) for sigma in _EDGE_SIGMAS)
    texture = _TEXTURE_WEIGHT * local_deviation(image[0], _TEXTURE_SCALE)
    features = np.concatenate([image, texture[np.newaxis]])
    borders = BorderPixels(regions).along(np.sqrt(fine * coarse))
    return regions, RegionMerging(RegionValues.measure(regions, features), borders)


def averaged_hierarchy(
    image: NDArray[np.float32],
) -> tuple[NDArray[np.int64], RegionMerging]:
    """Return small regions of an image and their merges, at heights from 0 to 1.

    Regions are alike here if the same values occur in them, whatever their mean, and
    borders between parts of the image count beside edges, see
    :func:`~napari_mmtseg.labels.spectral_edges.spectral_edges`. Otherwise it is as
    :func:`region_hierarchy`, but the average of four hierarchies that differ in the
    scales of edges and in texture. None of them is better than the others; their
    average is, and it changes less when the image does.
    """
    basins, first = region_hierarchy(image)
    # Basins this much alike stay together in all four.
    regions = first.cut(first.n_above(_ALWAYS))[basins]
    pixels = BorderPixels(regions)
    variance = float(image.var(axis=(1, 2)).sum())
    occurring = _occurring_values(image, regions).scaled(variance)
    fine, coarse = (
        RegionValues.measure(regions, local_deviation(image[0], s)[np.newaxis])
        for s in (3.0, 6.0)
    )
    edges = {s: gradient_magnitude(image, s) for s in (1.0, 1.5, 2.5, 4.0)}
    vivid = image.copy()
    vivid[1:] *= 2
    vivid_edges = gradient_magnitude(vivid, 1.5)
    views = [
        (fine.scaled(9 * fine.variance), edges[1.0] * edges[2.5]),
        (coarse.scaled(9 * coarse.variance), edges[1.5] * edges[4.0]),
        (fine.scaled(4 * fine.variance), edges[1.5] ** 2),
        (fine.scaled(9 * fine.variance), vivid_edges * edges[2.5]),
    ]
    parts = _SPECTRAL_WEIGHT * spectral_edges(image)
    hierarchies = []
    for texture, energy in views:
        scale = max(float(np.sqrt(energy.mean())), 1e-6)
        borders = pixels.along(np.sqrt(energy) / scale + parts)
        hierarchies.append(RegionMerging(occurring.beside(texture), borders))
    return regions, RegionMerging.averaged(borders, hierarchies)


def _occurring_values(
    image: NDArray[np.float32], regions: NDArray[Any]
) -> RegionValues:
    """Measure how often each typical value of an image occurs in its regions.

    A pixel counts for all values that it is near to.
    """
    typical = TypicalValues.of(image)
    pixels, k = typical.pixels, len(typical.centres)
    n = int(regions.max()) + 1
    sums = np.zeros((n, k))
    total, squared = np.zeros(k), 0.0
    names = regions.ravel()
    # In parts, since there are as many numbers as pixels times values.
    for start in range(0, len(pixels), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        weights = typical.nearness(pixels[part])
        places = (names[part], np.arange(len(weights)))
        ones = np.ones(len(weights))
        sums += coo_array((ones, places), (n, len(weights))).tocsr() @ weights
        total += weights.sum(axis=0)
        squared += float((weights**2).sum())
    mean = total / len(pixels)
    variance = squared / len(pixels) - float((mean**2).sum())
    sizes = np.bincount(names, minlength=n).astype(np.float64)
    return RegionValues(sizes, sums, max(variance, 0.0))


def region_means(
    image: NDArray[np.float32], *arrays: NDArray[np.float32]
) -> tuple[NDArray[np.float32], ...]:
    """Average arrays (..., Y, X) over small regions of a normalised image (C, Y, X).

    Texture is measured in a window, which mixes both sides of a border; the mean over a
    region puts the border back to the edge.
    """
    small, hierarchy = region_hierarchy(image)
    regions = hierarchy.cut(hierarchy.n_above(_FINE))[small]
    averaged = []
    for array in arrays:
        sizes, sums = sum_by_label(regions, array, int(regions.max()) + 1)
        means = (sums / sizes[:, np.newaxis]).T.astype(np.float32)
        averaged.append(means[:, regions])
    return tuple(averaged)


def region_cuts(
    image: NDArray[np.float32],
) -> tuple[NDArray[np.intp], list[NDArray[np.intp]]]:
    """Return small regions of a normalised image and the larger ones that they form.

    The first array (Y, X) has the finest regions, 0..n-1; each of the others (n,) has
    their region in one cut, the finest cut first.
    """
    small, hierarchy = region_hierarchy(image)
    groups = [hierarchy.cut(hierarchy.n_above(height)) for height in _CUTS]
    first = np.zeros(int(groups[0].max()) + 1, np.intp)
    first[groups[0]] = np.arange(len(groups[0]))
    return groups[0][small], [group[first] for group in groups]


def mean_over_cuts(
    regions: NDArray[np.intp],
    cuts: list[NDArray[np.intp]],
    array: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Average an array (C, Y, X) over the regions of every cut, then over the cuts.

    Regions and cuts are those of :func:`region_cuts`, and the result is (C, n). Fine
    regions give the borders; coarse ones help where fine regions are too small to be
    classified.
    """
    sizes, sums = sum_by_label(regions, array, len(cuts[0]))
    total = np.zeros(sums.shape)
    for cut in cuts:
        n = int(cut.max()) + 1
        size = np.bincount(cut, sizes, n)
        mean = np.stack([np.bincount(cut, s, n) / size for s in sums.T], axis=1)
        total += mean[cut]
    return (total.T / len(cuts)).astype(np.float32)


def find_regions(
    image: NDArray[np.float32],
    response: NDArray[np.float32],
    threshold: float,
    at_least: int = 1,
    hierarchy: tuple[NDArray[np.int64], RegionMerging] | None = None,
) -> tuple[NDArray[np.intp], RegionClasses]:
    """Cut the hierarchy of regions and measure their responses.

    `image` is normalised (C, Y, X); `response` (q, Y, X) has probabilities. The cut is
    at height `threshold`, or lower for at least `at_least` regions. `hierarchy` is the
    result of :func:`averaged_hierarchy`, if known. Returns connected regions (Y, X),
    0..r-1, and the classes that they form.
    """
    small, merges = hierarchy or averaged_hierarchy(image)
    regions = merges.cut(max(merges.n_above(threshold), at_least))[small]
    n_regions = int(regions.max()) + 1
    sizes, lightness = sum_by_label(regions, image[:1], n_regions)
    means, variance = mean_responses(regions, response)
    return regions, RegionClasses(means, sizes, lightness[:, 0], variance)


def mean_responses(
    regions: NDArray[np.intp], response: NDArray[np.float32]
) -> tuple[NDArray[np.float64], float]:
    """Return the mean response of every region, (r, q), and the variance of all pixels.

    Responses (q, Y, X) are probabilities, blurred a little first; their variance is
    summed over the channels.
    """
    response = smooth(response, _RESPONSE_SIGMA)
    sizes, sums = sum_by_label(regions, response, int(regions.max()) + 1)
    variance = float(response.var(axis=(1, 2)).sum())
    return sums / sizes[:, np.newaxis], variance

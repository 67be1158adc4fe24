"""Regions of an image: watershed basins that merge with their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from napari_mmtseg.images.features import gradient_magnitude, local_deviation, smooth
from napari_mmtseg.labels.border_probability import (
    WEIGHTS,
    BorderProbability,
    RegionCues,
)
from napari_mmtseg.labels.region_classes import RegionClasses
from napari_mmtseg.labels.region_merging import (
    BorderPixels,
    RegionMerging,
    RegionValues,
    WardHeights,
)
from napari_mmtseg.labels.regions import sum_by_label

_WATERSHED_SIGMA = 1.6
_EDGE_SIGMAS = (1.2, 2.5)
"""Scales at both of which an edge has to stand out."""

_TEXTURE_SCALE = 4.0
_TEXTURE_WEIGHT = 3.0
_RESPONSE_SIGMA = 1.0
_ALWAYS = 0.005

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
    values = RegionValues.measure(regions, features)
    return regions, RegionMerging(len(values.sizes), borders, WardHeights(values))


def averaged_hierarchy(
    image: NDArray[np.float32],
) -> tuple[NDArray[np.int64], RegionMerging]:
    """Return small regions of an image and their merges, at heights from 0 to 1.

    A height is the probability that people would see a border, see
    :class:`~napari_mmtseg.labels.border_probability.BorderProbability`. It is the
    average of three hierarchies by different cues. None of them is better than the
    others; their average is, and it changes less when the image does.
    """
    basins, first = region_hierarchy(image)
    regions = small_regions(first)[basins]
    cues = RegionCues.measure(image, regions)
    hierarchies = []
    for weights in WEIGHTS:
        seen = cues.edges_of(weights)
        heights = BorderProbability(seen, weights)
        hierarchies.append(RegionMerging(len(seen.sizes), seen.borders, heights))
    return regions, RegionMerging.averaged(cues.borders, hierarchies)


def small_regions(basins: RegionMerging) -> NDArray[np.intp]:
    """Return the region of every basin, where basins that are much alike are one."""
    return basins.cut(basins.n_above(_ALWAYS))


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

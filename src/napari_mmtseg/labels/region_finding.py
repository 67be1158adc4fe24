"""Labels from regions: neighbours merge first, then regions that look alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import watershed

from napari_mmtseg.images.features import gradient_magnitude, local_deviation, smooth
from napari_mmtseg.labels.region_classes import RegionClasses
from napari_mmtseg.labels.region_merging import RegionHierarchy
from napari_mmtseg.labels.regions import sum_by_label

__all__ = [
    "averaged_hierarchy",
    "find_regions",
    "mean_over_cuts",
    "mean_responses",
    "region_cuts",
    "region_hierarchy",
    "region_means",
]

_WATERSHED_SIGMA = 1.6
_EDGE_SIGMAS = (1.2, 2.5)
"""An edge counts where it stands out at both of these scales."""

_TEXTURE_SCALE = 4.0
_TEXTURE_WEIGHT = 3.0
_RESPONSE_SIGMA = 1.0
_ALWAYS = 0.005

_FINE = 0.2
"""Height of the cut whose regions texture is averaged over."""

_CUTS = (0.05, 0.1, 0.2)
"""Heights of the cuts over whose regions given classes are averaged."""


def region_hierarchy(
    image: NDArray[np.float32],
) -> tuple[NDArray[np.int64], RegionHierarchy]:
    """Divide an image into small regions and merge them into a hierarchy.

    The small regions are the basins of the gradient (watershed); they merge by values,
    local deviation and edges. The responses of the networks have no say here: they
    made the regions no better, and different for every seed.

    Parameters
    ----------
    image : (C, Y, X) ndarray of float32
        Normalised image; its first channel is lightness or intensity.

    Returns
    -------
    regions : (Y, X) ndarray of int64
        The small regions, from 0.
    hierarchy : RegionHierarchy
        Their merges.
    """
    basins = watershed(gradient_magnitude(image, _WATERSHED_SIGMA), connectivity=1)
    # Where nothing rises there is no basin either: all is 0 then.
    regions = np.maximum(basins.astype(np.int64) - 1, 0)
    fine, coarse = (gradient_magnitude(image, sigma) for sigma in _EDGE_SIGMAS)
    edges = np.sqrt(fine * coarse)
    texture = _TEXTURE_WEIGHT * local_deviation(image[0], _TEXTURE_SCALE)
    features = np.concatenate([image, texture[np.newaxis]])
    return regions, RegionHierarchy(regions, features, edges)


def averaged_hierarchy(
    image: NDArray[np.float32],
) -> tuple[NDArray[np.int64], RegionHierarchy]:
    """Merge small regions by the average of four hierarchies.

    They differ in the scales of edges and texture, in smoothing, and in the weight of
    colour against lightness. No single one of them is better than the others; their
    average is better, and changes less when the image does.

    Parameters
    ----------
    image : (C, Y, X) ndarray of float32
        Normalised image; its first channel is lightness or intensity.

    Returns
    -------
    regions : (Y, X) ndarray of int64
        The small regions, from 0.
    hierarchy : RegionHierarchy
        Their merges, at heights from 0 to 1.
    """
    basins, first = region_hierarchy(image)
    # What is this much alike stays together in all four.
    regions = first.cut(first.n_above(_ALWAYS))[basins]
    edges = {s: gradient_magnitude(image, s) for s in (1.0, 1.5, 2.5, 4.0)}
    fine, coarse = (local_deviation(image[0], s)[np.newaxis] for s in (3.0, 6.0))
    vivid = image.copy()
    vivid[1:] *= 2
    views = [
        ([image, 3 * fine], edges[1.0] * edges[2.5]),
        ([image, 3 * coarse], edges[1.5] * edges[4.0]),
        ([smooth(image, 2.0), 2 * fine], edges[1.5] ** 2),
        ([vivid, 3 * fine], gradient_magnitude(vivid, 1.5) * edges[2.5]),
    ]
    hierarchies = [
        RegionHierarchy(regions, np.concatenate(features), np.sqrt(energy))
        for features, energy in views
    ]
    return regions, RegionHierarchy.averaged(regions, hierarchies)


def region_means(
    image: NDArray[np.float32], *arrays: NDArray[np.float32]
) -> tuple[NDArray[np.float32], ...]:
    """Average arrays over small regions of an image.

    Texture is measured in a window, which mixes what lies on both sides of a border;
    the mean over a region puts the border back where the edge is.

    Parameters
    ----------
    image : (C, Y, X) ndarray of float32
        Normalised image, to be divided into regions.
    *arrays : (..., Y, X) ndarray of float32
        What to average.

    Returns
    -------
    tuple of (..., Y, X) ndarray of float32
        The arrays, constant in every region.
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
    """Return the small regions of an image, and how they form ever larger ones.

    Parameters
    ----------
    image : (C, Y, X) ndarray of float32
        Normalised image.

    Returns
    -------
    regions : (Y, X) ndarray of int
        The finest regions, 0..n-1.
    cuts : list of (n,) ndarray of int
        The region of each of them in every coarser cut, the finest itself first.
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
    """Average an array over the regions of every cut, and those averages over the cuts.

    Borders come from the fine regions, and where these are too small to tell what they
    are, the coarse ones do.

    Parameters
    ----------
    regions, cuts
        As from :func:`region_cuts`.
    array : (C, Y, X) ndarray of float32
        What to average.

    Returns
    -------
    (C, n) ndarray of float32
        For every one of the finest regions.
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
    hierarchy: tuple[NDArray[np.int64], RegionHierarchy] | None = None,
) -> tuple[NDArray[np.intp], RegionClasses]:
    """Cut the hierarchy of regions and measure what makes them alike.

    Parameters
    ----------
    image : (C, Y, X) ndarray of float32
        Normalised image.
    response : (q, Y, X) ndarray of float32
        Responses as probabilities.
    threshold : float
        Height at which the hierarchy is cut.
    at_least : int
        Cut lower where there would be fewer regions than this.
    hierarchy : tuple, optional
        What :func:`averaged_hierarchy` returned for the image, where that is known.

    Returns
    -------
    regions : (Y, X) ndarray of int
        Connected regions, 0..r-1.
    classes : RegionClasses
        The classes that they form.
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
    """Return the mean response of every region.

    Parameters
    ----------
    regions : (Y, X) ndarray of int
        Regions, 0..r-1.
    response : (q, Y, X) ndarray of float32
        Responses as probabilities; blurred a little first.

    Returns
    -------
    means : (r, q) ndarray
        The means.
    variance : float
        Of the responses of all pixels, summed over the channels.
    """
    response = smooth(response, _RESPONSE_SIGMA)
    sizes, sums = sum_by_label(regions, response, int(regions.max()) + 1)
    variance = float(response.var(axis=(1, 2)).sum())
    return sums / sizes[:, np.newaxis], variance

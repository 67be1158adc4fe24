"""Labels from regions: neighbours merge first, then regions that look alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree, fcluster, linkage
from skimage.segmentation import watershed

from napari_mmtseg.features import gradient_magnitude, local_deviation, smooth
from napari_mmtseg.region_hierarchy import RegionHierarchy
from napari_mmtseg.regions import sum_by_label

__all__ = [
    "RegionLabels",
    "averaged_hierarchy",
    "label_regions",
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

_ALIKE = 0.15
"""Regions closer than this many standard deviations of the responses share a class."""


@dataclass(frozen=True)
class RegionLabels:
    """Regions of an image and the classes that they form.

    Attributes
    ----------
    regions : (Y, X) ndarray of int32
        Connected regions, 1..r.
    classes : (Y, X) ndarray of int32
        Classes, 1..k from dark to bright.
    profiles : (k, q) ndarray
        Mean response of every class.
    n_regions : int
        Number of regions.
    """

    regions: NDArray[np.int32]
    classes: NDArray[np.int32]
    profiles: NDArray[np.float64]
    n_regions: int


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


def label_regions(
    image: NDArray[np.float32],
    response: NDArray[np.float32],
    threshold: float,
    n_labels: int | None = None,
    profiles: NDArray[np.float64] | None = None,
    hierarchy: tuple[NDArray[np.int64], RegionHierarchy] | None = None,
) -> RegionLabels:
    """Cut the hierarchy of regions and let those that look alike share a class.

    Parameters
    ----------
    image : (C, Y, X) ndarray of float32
        Normalised image.
    response : (q, Y, X) ndarray of float32
        Responses as probabilities.
    threshold : float
        Height at which the hierarchy is cut.
    n_labels : int, optional
        Exact number of classes. Without it regions share a class where their mean
        responses are less than 0.15 standard deviations apart (average linkage).
    profiles : (k, q) ndarray, optional
        Classes of another image: every region takes the nearest.
    hierarchy : tuple, optional
        What :func:`averaged_hierarchy` returned for the image, where that is known.

    Returns
    -------
    RegionLabels
        With as many classes as there are small regions if `n_labels` is more.
    """
    response = smooth(response, _RESPONSE_SIGMA)
    small, merges = hierarchy or averaged_hierarchy(image)
    # A lower cut than asked for where there are to be more classes than regions.
    n_regions = max(merges.n_above(threshold), n_labels or 1)
    regions = merges.cut(n_regions)[small]
    n_regions = int(regions.max()) + 1
    sizes, sums = sum_by_label(regions, response, n_regions)
    means = sums / sizes[:, np.newaxis]
    if profiles is not None:
        return RegionLabels(
            (regions + 1).astype(np.int32),
            (_nearest(means, profiles) + 1).astype(np.int32)[regions],
            profiles,
            n_regions,
        )
    group = _alike(means, float(response.var(axis=(1, 2)).sum()), n_labels)
    lightness = sum_by_label(regions, image[:1], n_regions)[1][:, 0]
    group, profiles = _classes(group, sizes, means, lightness)
    nearest = _nearest(means, profiles)
    if len(np.unique(nearest)) == len(profiles):
        group = nearest  # what the classes' profiles say of this image, too
    return RegionLabels(
        (regions + 1).astype(np.int32),
        (group + 1).astype(np.int32)[regions],
        profiles,
        n_regions,
    )


def _alike(
    means: NDArray[np.float64], variance: float, n_labels: int | None
) -> NDArray[np.intp]:
    if len(means) == 1:
        return np.zeros(1, np.intp)
    tree = linkage(means / max(variance, 1e-12) ** 0.5, "average")
    groups: NDArray[Any]
    if n_labels is not None:
        groups = cut_tree(tree, n_clusters=[min(n_labels, len(means))])[:, 0]
    else:
        groups = fcluster(tree, _ALIKE, "distance")
    alike: NDArray[np.intp] = np.unique(groups, return_inverse=True)[1]
    return alike


def _classes(
    group: NDArray[np.intp],
    sizes: NDArray[np.float64],
    means: NDArray[np.float64],
    lightness: NDArray[np.float64],
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the groups, numbered from dark to bright, and their mean responses."""
    total = np.bincount(group, sizes)
    order = np.argsort(np.bincount(group, lightness) / total, kind="stable")
    rank = np.argsort(order, kind="stable")
    profiles = np.stack(
        [np.bincount(group, sizes * mean) / total for mean in means.T], axis=1
    )
    return rank[group], profiles[order]


def _nearest(
    means: NDArray[np.float64], profiles: NDArray[np.float64]
) -> NDArray[np.intp]:
    distance = ((means[:, np.newaxis] - profiles[np.newaxis]) ** 2).sum(-1)
    nearest: NDArray[np.intp] = distance.argmin(1)
    return nearest

"""Label images: merging classes, connected regions, clean-up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.measure import label

__all__ = ["absorb_small_regions", "connected_regions", "merge_classes"]

Labels = NDArray[np.int32]


def merge_classes(
    means: NDArray[np.float64],
    sizes: NDArray[np.float64],
    n_labels: int,
    max_cost: float = np.inf,
) -> NDArray[np.intp]:
    """Group classes until `n_labels` are left, the cheapest merge first (Ward 1963).

    A merge costs the growth of the total squared distance of pixels to their class
    mean, ``n_a n_b / (n_a + n_b) |mean_a - mean_b|^2``.

    Parameters
    ----------
    means : (k, C) ndarray
        Mean pixel of every class.
    sizes : (k,) ndarray
        Number of pixels of every class; empty classes join for free.
    n_labels : int
        Number of groups to end with.
    max_cost : float
        Merge only while a merge costs less than this.

    Returns
    -------
    (k,) ndarray of int
        Group of every class, 0..n_labels-1, in order of first appearance.
    """
    means, sizes = means.astype(np.float64), sizes.astype(np.float64)
    group = np.arange(len(sizes))
    alive = np.ones(len(sizes), bool)
    while alive.sum() > max(n_labels, 1):
        index = np.flatnonzero(alive)
        m, n = means[index], sizes[index]
        distance = ((m[:, np.newaxis] - m[np.newaxis]) ** 2).sum(-1)
        total = np.maximum(n[:, np.newaxis] + n[np.newaxis], 1)
        cost = distance * (n[:, np.newaxis] * n[np.newaxis]) / total
        cost[np.tril_indices(len(index))] = np.inf
        first, second = np.unravel_index(np.argmin(cost), cost.shape)
        if cost[first, second] >= max_cost:
            break
        a, b = index[first], index[second]
        together = sizes[a] + sizes[b]
        if together:
            means[a] = (sizes[a] * means[a] + sizes[b] * means[b]) / together
        sizes[a] = together
        group[group == b] = a
        alive[b] = False
    groups: NDArray[np.intp] = np.searchsorted(np.unique(group), group)
    return groups


def absorb_small_regions(labels: Labels, min_size: int) -> Labels:
    """Give connected regions below `min_size` pixels the label of what is around them.

    Parameters
    ----------
    labels : (Y, X) ndarray of int
        Labels from 1.
    min_size : int
        Regions with fewer pixels are absorbed by the nearest larger one.

    Returns
    -------
    (Y, X) ndarray of int
        The labels; unchanged if no region is large enough.
    """
    if min_size <= 1:
        return labels
    regions = label(labels, background=0, connectivity=1)
    small = np.bincount(regions.ravel())[regions] < min_size
    if not small.any() or small.all():
        return labels
    nearest = distance_transform_edt(small, return_distances=False, return_indices=True)
    absorbed: Labels = labels[tuple(nearest)]
    return absorbed


def connected_regions(labels: Labels) -> Labels:
    """Label the 4-connected pieces of every class, 1..k in raster order.

    Parameters
    ----------
    labels : (Y, X) ndarray of int
        Labels from 1; 0 stays 0.

    Returns
    -------
    (Y, X) ndarray of int32
        One number per connected piece.
    """
    return np.asarray(label(labels, background=0, connectivity=1), np.int32)

"""A hierarchy of connected regions: neighbours merge until one is left."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.regions import sum_by_label

__all__ = ["RegionHierarchy"]


class RegionHierarchy:
    """Neighbouring regions merged step by step, the most alike first.

    Two regions of a and b of all N pixels, with distance d between their mean features
    and mean gradient g along their border, merge at height ::

        sqrt(a b / (a + b) / N) * d / D * g^2 / G

    where D^2 is the variance of all features and G the mean squared gradient. The first
    two factors are the root of Ward's criterion; the last keeps what an edge separates.
    The height has no unit: neither the size of the image nor its range matters.

    In every round all pairs merge that are each other's cheapest (Boruvka's way of
    building a tree), so that a round is a few array operations.

    Parameters
    ----------
    regions : (Y, X) ndarray of int
        Connected regions, 0..n-1.
    features : (C, Y, X) ndarray of float32
        What makes regions alike.
    edges : (Y, X) ndarray of float32
        Gradient magnitude.

    Attributes
    ----------
    n_regions : int
        Number of regions to begin with.
    heights : (n_regions - 1,) ndarray
        Height of every merge, ascending.
    """

    def __init__(
        self,
        regions: NDArray[Any],
        features: NDArray[np.float32],
        edges: NDArray[np.float32],
    ) -> None:
        n = int(regions.max()) + 1
        sizes, sums = sum_by_label(regions, features, n)
        variance = max(float(features.var(axis=(1, 2)).sum()), 1e-12)
        energy = max(float((edges.astype(np.float64) ** 2).mean()), 1e-12)
        scale = 1 / (np.sqrt(variance * regions.size) * energy)
        first, second, length, contrast = _border_graph(regions, edges, n)
        names, height = np.arange(n), np.zeros(n)
        merges = []
        while len(first):
            means = sums / sizes[:, np.newaxis]
            distance = np.sqrt(((means[first] - means[second]) ** 2).sum(1))
            a, b = sizes[first], sizes[second]
            cost = np.sqrt(a * b / (a + b)) * distance * (contrast / length) ** 2
            cost *= scale
            mutual = _mutually_cheapest(cost, first, second, len(sizes))
            kept, gone = first[mutual], second[mutual]
            below = np.maximum(height[kept], height[gone])
            height[kept] = np.maximum(cost[mutual], below)
            merges.append(np.stack([names[kept], names[gone], height[kept]]))
            sizes[kept] += sizes[gone]
            sums[kept] += sums[gone]
            target = np.arange(len(sizes))
            target[gone] = kept
            alive = np.ones(len(sizes), bool)
            alive[gone] = False
            target = (np.cumsum(alive) - 1)[target]
            sizes, sums = sizes[alive], sums[alive]
            names, height = names[alive], height[alive]
            first, second, length, contrast = _joined(
                target[first], target[second], length, contrast, len(sizes)
            )
        table = np.concatenate(merges, axis=1) if merges else np.zeros((3, 0))
        table = table[:, np.argsort(table[2], kind="stable")]
        self.n_regions = n
        self._kept, self._gone = table[:2].astype(np.intp)
        self.heights = table[2]

    def n_above(self, height: float) -> int:
        """Return how many regions are left once all merges up to `height` are done."""
        return self.n_regions - int(np.searchsorted(self.heights, height, "right"))

    def cut(self, n_regions: int) -> NDArray[np.intp]:
        """Return the group, 0..n_regions-1, of every region to begin with."""
        done = max(self.n_regions - max(n_regions, 1), 0)
        parent = np.arange(self.n_regions)
        parent[self._gone[:done]] = self._kept[:done]
        while (parent != (above := parent[parent])).any():
            parent = above
        groups: NDArray[np.intp] = np.unique(parent, return_inverse=True)[1]
        return groups


def _border_graph(
    regions: NDArray[Any], edges: NDArray[np.float32], n: int
) -> tuple[NDArray[Any], ...]:
    firsts, seconds, contrasts = [], [], []
    for a, b, e, f in (
        (regions[:-1], regions[1:], edges[:-1], edges[1:]),
        (regions[:, :-1], regions[:, 1:], edges[:, :-1], edges[:, 1:]),
    ):
        border = a != b
        firsts.append(a[border].astype(np.int64))
        seconds.append(b[border].astype(np.int64))
        contrasts.append(np.maximum(e, f)[border].astype(np.float64))
    first, second, contrast = map(np.concatenate, (firsts, seconds, contrasts))
    return _joined(first, second, np.ones(len(first)), contrast, n)


def _joined(
    first: NDArray[Any],
    second: NDArray[Any],
    length: NDArray[np.float64],
    contrast: NDArray[np.float64],
    n: int,
) -> tuple[NDArray[Any], ...]:
    """Add up parallel edges of a graph and drop loops."""
    real = first != second
    key = np.minimum(first, second)[real] * n + np.maximum(first, second)[real]
    pairs, index = np.unique(key, return_inverse=True)
    sums = (np.bincount(index, v[real], len(pairs)) for v in (length, contrast))
    return pairs // n, pairs % n, *sums


def _mutually_cheapest(
    cost: NDArray[np.float64], first: NDArray[Any], second: NDArray[Any], n: int
) -> NDArray[np.bool_]:
    # Ranks instead of costs: ties are broken the same way for both ends.
    rank = np.empty(len(cost), np.int64)
    rank[np.argsort(cost, kind="stable")] = np.arange(len(cost))
    cheapest = np.full(n, len(cost))
    np.minimum.at(cheapest, first, rank)
    np.minimum.at(cheapest, second, rank)
    mutual: NDArray[np.bool_] = (cheapest[first] == rank) & (cheapest[second] == rank)
    return mutual

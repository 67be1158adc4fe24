"""Merging of connected regions: neighbours merge until one is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.labels.regions import sum_by_label

_LEVELS = np.geomspace(0.01, 3, 30)


class RegionMerging:
    """Neighbouring regions merged step by step, the most alike first.

    `regions` (Y, X) are connected, 0..n-1; `features` (C, Y, X) make them alike, and
    `edges` (Y, X) is the gradient magnitude. `heights` (n - 1) has the height of every
    merge, ascending.

    Two regions with a and b of all N pixels, distance d between their mean features and
    mean gradient g along their border merge at height ::

        sqrt(a b / (a + b) / N) * d / D * g^2 / G

    where D^2 is the variance of all features and G the mean squared gradient. The first
    two factors are the root of Ward's criterion; the last keeps apart what an edge
    separates. The height has no unit: neither the size of the image nor its range
    matters.

    In every round all pairs merge that are each other's cheapest (Boruvka's way of
    building a tree), so that a round is a few array operations.
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

        def cost(borders: _Borders) -> NDArray[np.float64]:
            means = sums / sizes[:, np.newaxis]
            first, second = borders.first, borders.second
            distance = np.sqrt(((means[first] - means[second]) ** 2).sum(1))
            a, b = sizes[first], sizes[second]
            ward = np.sqrt(a * b / (a + b)) * distance
            heights: NDArray[np.float64] = scale * ward * borders.contrast**2
            return heights

        def join(kept: NDArray[Any], gone: NDArray[Any]) -> None:
            sizes[kept] += sizes[gone]
            sums[kept] += sums[gone]

        self._merge(n, _Borders.between(regions, edges), cost, join)

    @classmethod
    def averaged(
        cls, regions: NDArray[Any], hierarchies: Sequence[RegionMerging]
    ) -> RegionMerging:
        """Merge by the share of levels at which several hierarchies keep regions apart.

        The hierarchies have the same regions. The height is this share, 0 to 1, of
        levels between 0.01 and 3 on a logarithmic scale, averaged over the hierarchies
        and along the border of the two regions. The others outvote an accidental merge
        in one hierarchy.
        """
        borders = _Borders.between(regions, np.zeros(regions.shape, np.float32))
        apart = np.zeros(len(borders.first))
        for hierarchy in hierarchies:
            for level in _LEVELS:
                group = hierarchy.cut(hierarchy.n_above(level))
                apart += group[borders.first] != group[borders.second]
        borders.total = apart / (len(hierarchies) * len(_LEVELS)) * borders.length
        new = cls.__new__(cls)
        new._merge(
            int(regions.max()) + 1, borders, lambda b: b.contrast, lambda *_: None
        )
        return new

    def _merge(
        self,
        n: int,
        borders: _Borders,
        cost: Callable[[_Borders], NDArray[np.float64]],
        join: Callable[[NDArray[Any], NDArray[Any]], None],
    ) -> None:
        height = np.zeros(n)
        merges = [np.zeros((3, 0))]
        while len(borders.first):
            costs = cost(borders)
            mutual = _mutually_cheapest(costs, borders.first, borders.second, n)
            kept, gone = borders.first[mutual], borders.second[mutual]
            below = np.maximum(height[kept], height[gone])
            height[kept] = np.maximum(costs[mutual], below)
            merges.append(np.stack([kept, gone, height[kept]]))
            join(kept, gone)
            target = np.arange(n)
            target[gone] = kept
            borders = borders.joined(target, n)
        table = np.concatenate(merges, axis=1)
        table = table[:, np.argsort(table[2], kind="stable")]
        self.n_regions = n
        self._kept, self._gone = table[:2].astype(np.intp)
        self.heights = table[2]

    def n_above(self, height: float) -> int:
        """Return the number of regions left after all merges up to `height`."""
        return self.n_regions - int(np.searchsorted(self.heights, height, "right"))

    def cut(self, n_regions: int) -> NDArray[np.intp]:
        """Return the group, 0..n_regions-1, of every original region."""
        done = max(self.n_regions - max(n_regions, 1), 0)
        parent = np.arange(self.n_regions)
        parent[self._gone[:done]] = self._kept[:done]
        while (parent != (above := parent[parent])).any():
            parent = above
        groups: NDArray[np.intp] = np.unique(parent, return_inverse=True)[1]
        return groups


@dataclass
class _Borders:
    """Pairs of neighbours, with the length of each border and the sum along it."""

    first: NDArray[Any]
    second: NDArray[Any]
    length: NDArray[np.float64]
    total: NDArray[np.float64]

    @property
    def contrast(self) -> NDArray[np.float64]:
        return self.total / self.length

    @classmethod
    def between(cls, regions: NDArray[Any], edges: NDArray[np.float32]) -> _Borders:
        firsts, seconds, totals = [], [], []
        for a, b, e, f in (
            (regions[:-1], regions[1:], edges[:-1], edges[1:]),
            (regions[:, :-1], regions[:, 1:], edges[:, :-1], edges[:, 1:]),
        ):
            border = a != b
            firsts.append(a[border].astype(np.int64))
            seconds.append(b[border].astype(np.int64))
            totals.append(np.maximum(e, f)[border].astype(np.float64))
        first, second, total = map(np.concatenate, (firsts, seconds, totals))
        n = int(regions.max()) + 1
        return cls(first, second, np.ones(len(first)), total).joined(np.arange(n), n)

    def joined(self, target: NDArray[Any], n: int) -> _Borders:
        """Rename regions, add up parallel borders and drop those within a region."""
        first, second = target[self.first], target[self.second]
        real = first != second
        key = np.minimum(first, second)[real] * n + np.maximum(first, second)[real]
        pairs, index = np.unique(key, return_inverse=True)
        length, total = (
            np.bincount(index, values[real], len(pairs)).astype(np.float64)
            for values in (self.length, self.total)
        )
        return _Borders(pairs // n, pairs % n, length, total)


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

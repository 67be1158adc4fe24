"""Merging of connected regions: neighbours merge until one is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.labels.regions import sum_by_label

_LEVELS = np.geomspace(0.01, 3, 30)
_TINY = 1e-12


@dataclass(frozen=True)
class RegionValues:
    """Features of regions 0..n-1: sizes (n,) and sums (n, F) over their pixels.

    `variance` is that of all pixels, summed over the features.
    """

    sizes: NDArray[np.float64]
    sums: NDArray[np.float64]
    variance: float

    @classmethod
    def measure(
        cls, regions: NDArray[Any], features: NDArray[np.float32]
    ) -> RegionValues:
        """Measure features (F, Y, X) over regions (Y, X)."""
        sizes, sums = sum_by_label(regions, features, int(regions.max()) + 1)
        return cls(sizes, sums, float(features.var(axis=(1, 2)).sum()))

    def scaled(self, variance: float) -> RegionValues:
        """Return the features with another variance."""
        factor = np.sqrt(variance / max(self.variance, _TINY))
        return RegionValues(self.sizes, self.sums * factor, variance)

    def beside(self, other: RegionValues) -> RegionValues:
        """Return these features and others of the same regions."""
        sums = np.concatenate([self.sums, other.sums], axis=1)
        return RegionValues(self.sizes, sums, self.variance + other.variance)


class RegionMerging:
    """Neighbouring regions merged step by step, the most alike first.

    `values` make regions alike; `borders` have the gradient between them. `heights`
    (n - 1) has the height of every merge, ascending.

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

    def __init__(self, values: RegionValues, borders: Borders) -> None:
        sizes, sums = values.sizes.copy(), values.sums.copy()
        energy = max(borders.energy, _TINY)
        scale = 1 / (np.sqrt(max(values.variance, _TINY) * sizes.sum()) * energy)

        def cost(borders: Borders) -> NDArray[np.float64]:
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

        self._merge(len(sizes), borders, cost, join)

    @classmethod
    def averaged(
        cls, borders: Borders, hierarchies: Sequence[RegionMerging]
    ) -> RegionMerging:
        """Merge by the share of levels at which several hierarchies keep regions apart.

        The hierarchies have the regions between which the borders are. The height is
        this share, 0 to 1, of levels between 0.01 and 3 on a logarithmic scale,
        averaged over the hierarchies and along the border of the two regions. The
        others outvote an accidental merge in one hierarchy.
        """
        apart = np.zeros(len(borders.first))
        for hierarchy in hierarchies:
            for level in _LEVELS:
                group = hierarchy.cut(hierarchy.n_above(level))
                apart += group[borders.first] != group[borders.second]
        share = apart / (len(hierarchies) * len(_LEVELS))
        new = cls.__new__(cls)
        new._merge(
            hierarchies[0].n_regions,
            replace(borders, total=share * borders.length),
            lambda b: b.contrast,
            lambda *_: None,
        )
        return new

    def _merge(
        self,
        n: int,
        borders: Borders,
        cost: Callable[[Borders], NDArray[np.float64]],
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


@dataclass(frozen=True)
class Borders:
    """Pairs of neighbours, with the length of each border and the sum along it.

    `energy` is the mean square, over the image, of the gradient that is summed.
    """

    first: NDArray[Any]
    second: NDArray[Any]
    length: NDArray[np.float64]
    total: NDArray[np.float64]
    energy: float

    @property
    def contrast(self) -> NDArray[np.float64]:
        """Mean gradient along every border."""
        return self.total / self.length

    def joined(self, target: NDArray[Any], n: int) -> Borders:
        """Rename regions, add up parallel borders and drop those within a region."""
        first, second = target[self.first], target[self.second]
        real = first != second
        key = np.minimum(first, second)[real] * n + np.maximum(first, second)[real]
        pairs, index = np.unique(key, return_inverse=True)
        length, total = (
            np.bincount(index, values[real], len(pairs)).astype(np.float64)
            for values in (self.length, self.total)
        )
        return Borders(pairs // n, pairs % n, length, total, self.energy)


class BorderPixels:
    """Neighbouring pixels of different regions, found once for many gradients."""

    def __init__(self, regions: NDArray[Any]) -> None:
        n = int(regions.max()) + 1
        index = np.arange(regions.size).reshape(regions.shape)
        sides = []
        for here, there in (
            (np.s_[:-1], np.s_[1:]),
            (np.s_[:, :-1], np.s_[:, 1:]),
        ):
            apart = regions[here] != regions[there]
            sides.append((index[here][apart], index[there][apart]))
        self._here, self._there = (
            np.concatenate(side) for side in zip(*sides, strict=True)
        )
        ends = [regions.ravel()[side] for side in (self._here, self._there)]
        key = np.minimum(*ends).astype(np.int64) * n + np.maximum(*ends)
        pairs, self._border = np.unique(key, return_inverse=True)
        self._first, self._second = pairs // n, pairs % n
        self._length = np.bincount(self._border, minlength=len(pairs)).astype(float)

    def along(self, edges: NDArray[np.float32]) -> Borders:
        """Return the borders with the sum of a gradient (Y, X) along each."""
        flat = edges.ravel()
        higher = np.maximum(flat[self._here], flat[self._there])
        total = np.bincount(self._border, higher, len(self._length)).astype(float)
        energy = float((flat.astype(np.float64) ** 2).mean())
        return Borders(self._first, self._second, self._length, total, energy)


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

"""Merging of connected regions: neighbours merge until one is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.labels.regions import sum_by_label

_LEVELS = np.linspace(0.04, 0.96, 24)
"""Probabilities of a border at which several hierarchies are compared."""

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

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean features of every region, (n, F)."""
        return self.sums / self.sizes[:, np.newaxis]

    def distances(
        self, first: NDArray[Any], second: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Return how far the means of pairs are apart, in deviations of the pixels."""
        means = self.means
        squared = ((means[first] - means[second]) ** 2).sum(1)
        distances: NDArray[np.float64] = np.sqrt(squared / max(self.variance, _TINY))
        return distances

    def join(self, kept: NDArray[Any], gone: NDArray[Any]) -> None:
        """Let regions take up others."""
        self.sizes[kept] += self.sizes[gone]
        self.sums[kept] += self.sums[gone]

    def copy(self) -> RegionValues:
        """Return values that can be joined without changing these."""
        return RegionValues(self.sizes.copy(), self.sums.copy(), self.variance)


def ward_sizes(
    sizes: NDArray[np.float64], first: NDArray[Any], second: NDArray[Any]
) -> NDArray[np.float64]:
    """Return ``sqrt(a b / (a + b))`` for pairs with a and b pixels."""
    a, b = sizes[first], sizes[second]
    mean: NDArray[np.float64] = np.sqrt(a * b / (a + b))
    return mean


class MergeHeights(Protocol):
    """Heights at which neighbours merge, and what becomes of them when they do."""

    def of(self, borders: Borders) -> NDArray[np.float64]:
        """Return the height for every pair of neighbours."""

    def join(self, kept: NDArray[Any], gone: NDArray[Any]) -> None:
        """Let regions take up others."""


class WardHeights:
    """The root of Ward's criterion times the squared gradient along the border.

    Two regions with a and b of all N pixels, distance d between their mean features and
    mean gradient g along their border merge at height ::

        sqrt(a b / (a + b) / N) * d / D * g^2 / G

    where D^2 is the variance of all features and G the mean squared gradient. The last
    factor keeps apart what an edge separates. The height has no unit: neither the size
    of the image nor its range matters.
    """

    def __init__(self, values: RegionValues) -> None:
        self._values = values.copy()
        self._scale = 1 / np.sqrt(values.sizes.sum())
        self.join = self._values.join

    def of(self, borders: Borders) -> NDArray[np.float64]:
        """Return the height for every pair of neighbours."""
        pairs = borders.first, borders.second
        (edge,) = borders.contrasts
        distances = self._values.distances(*pairs)
        heights: NDArray[np.float64] = (
            self._scale * ward_sizes(self._values.sizes, *pairs) * distances * edge**2
        )
        return heights


class RegionMerging:
    """Neighbouring regions 0..n-1 merged step by step, the most alike first.

    `heights` (n - 1) has the height of every merge, ascending.

    In every round all pairs merge that are each other's cheapest (Boruvka's way of
    building a tree), so that a round is a few array operations.
    """

    def __init__(
        self, n_regions: int, borders: Borders, merge_heights: MergeHeights
    ) -> None:
        height = np.zeros(n_regions)
        merges = [np.zeros((3, 0))]
        while len(borders.first):
            costs = merge_heights.of(borders)
            mutual = _mutually_cheapest(costs, borders.first, borders.second, n_regions)
            kept, gone = borders.first[mutual], borders.second[mutual]
            below = np.maximum(height[kept], height[gone])
            height[kept] = np.maximum(costs[mutual], below)
            merges.append(np.stack([kept, gone, height[kept]]))
            merge_heights.join(kept, gone)
            target = np.arange(n_regions)
            target[gone] = kept
            borders = borders.joined(target, n_regions)
        table = np.concatenate(merges, axis=1)
        table = table[:, np.argsort(table[2], kind="stable")]
        self.n_regions = n_regions
        self._kept, self._gone = table[:2].astype(np.intp)
        self.heights = table[2]

    @classmethod
    def averaged(
        cls, borders: Borders, hierarchies: Sequence[RegionMerging]
    ) -> RegionMerging:
        """Merge by the share of levels at which several hierarchies keep regions apart.

        The hierarchies have the regions between which the borders are, and
        probabilities as heights. The height is this share, 0 to 1, of levels, averaged
        over the hierarchies and along the border of the two regions. The others outvote
        an accidental merge in one hierarchy.
        """
        apart = np.zeros(len(borders.first))
        for hierarchy in hierarchies:
            for level in _LEVELS:
                group = hierarchy.cut(hierarchy.n_above(level))
                apart += group[borders.first] != group[borders.second]
        share = apart / (len(hierarchies) * len(_LEVELS))
        return cls(hierarchies[0].n_regions, borders.with_contrast(share), _Share())

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


class _Share:
    """The mean along a border of the share of levels at which it is there."""

    def of(self, borders: Borders) -> NDArray[np.float64]:
        share: NDArray[np.float64] = borders.contrasts[0]
        return share

    def join(self, kept: NDArray[Any], gone: NDArray[Any]) -> None:
        pass


@dataclass(frozen=True)
class Borders:
    """Pairs of neighbours, with the length of each border and sums along it.

    `totals` (e, n) are sums of gradients whose mean square over the image is 1.
    """

    first: NDArray[Any]
    second: NDArray[Any]
    length: NDArray[np.float64]
    totals: NDArray[np.float64]

    @property
    def contrasts(self) -> NDArray[np.float64]:
        """Mean gradients (e, n) along every border."""
        return self.totals / self.length

    def with_contrast(self, contrast: NDArray[np.float64]) -> Borders:
        """Return the same borders with one other value (n,) in place of gradients."""
        totals = (contrast * self.length)[np.newaxis]
        return Borders(self.first, self.second, self.length, totals)

    def joined(self, target: NDArray[Any], n: int) -> Borders:
        """Rename regions, add up parallel borders and drop those within a region."""
        first, second = target[self.first], target[self.second]
        real = first != second
        key = np.minimum(first, second)[real] * n + np.maximum(first, second)[real]
        pairs, index = np.unique(key, return_inverse=True)
        length, *totals = (
            np.bincount(index, values[real], len(pairs)).astype(np.float64)
            for values in (self.length, *self.totals)
        )
        stacked = np.reshape(totals, (len(self.totals), len(pairs)))
        return Borders(pairs // n, pairs % n, length, stacked)


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

    def along(self, *gradients: NDArray[np.float32]) -> Borders:
        """Return the borders with the sums of gradients (Y, X) along each."""
        totals = []
        for gradient in gradients:
            flat = gradient.ravel()
            higher = np.maximum(flat[self._here], flat[self._there])
            total = np.bincount(self._border, higher, len(self._length))
            energy = float((flat.astype(np.float64) ** 2).mean())
            totals.append(total / np.sqrt(max(energy, _TINY)))
        stacked = np.reshape(totals, (len(gradients), len(self._length)))
        return Borders(self._first, self._second, self._length, stacked)


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

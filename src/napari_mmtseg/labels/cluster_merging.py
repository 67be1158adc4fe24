"""Merging of clusters into any class count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.features import gradient_magnitude
from napari_mmtseg.labels.regions import sum_by_label
from napari_mmtseg.labels.ward import merges

_EDGE_SIGMA = 0.7
_EDGE_POWERS = (0, 1, 2, 3)
_SACRIFICE = 0.98
"""Share of the best explained variance that a partition along edges has to keep."""

Group = NDArray[np.intp]


@dataclass(frozen=True)
class ClusterStatistics:
    """Statistics of the clusters of one or several images, as merging needs them.

    `sizes` (n,) counts pixels, `means` is (n, C). `lengths` (n, n) counts pairs of
    neighbouring pixels across the border of two clusters, and `contrasts` (n, n) sums
    the gradient magnitude over them; both are symmetric. `spread` is the squared
    distance of all pixels to their common mean.
    """

    sizes: NDArray[np.float64]
    means: NDArray[np.float64]
    lengths: NDArray[np.float64]
    contrasts: NDArray[np.float64]
    spread: float

    @classmethod
    def measure(
        cls,
        cluster_maps: Sequence[NDArray[Any]],
        images: Sequence[NDArray[np.float32]],
        n_clusters: int,
    ) -> ClusterStatistics:
        """Measure cluster maps (Y, X), 0..n_clusters-1, of images (C, Y, X)."""
        n = n_clusters
        sizes, sums = np.zeros(n), np.zeros((n, len(images[0])))
        lengths, contrasts = np.zeros((n, n)), np.zeros((n, n))
        squared = 0.0
        for clusters, image in zip(cluster_maps, images, strict=True):
            counted, added = sum_by_label(clusters, image, n)
            sizes += counted
            sums += added
            squared += float((image.astype(np.float64) ** 2).sum())
            edges = gradient_magnitude(image, _EDGE_SIGMA)
            for axis in range(clusters.ndim):
                first, second = _neighbours(clusters, axis)
                contrast = np.maximum(*_neighbours(edges, axis))
                pair = (first.astype(np.intp) * n + second).ravel()
                lengths += np.bincount(pair, minlength=n * n).reshape(n, n)
                weighted = np.bincount(pair, contrast.ravel(), minlength=n * n)
                contrasts += weighted.reshape(n, n)
        for matrix in (lengths, contrasts):
            np.fill_diagonal(matrix, 0)
            matrix += matrix.T.copy()
        means = sums / np.maximum(sizes, 1)[:, np.newaxis]
        spread = squared - float((sums.sum(0) ** 2).sum()) / max(sizes.sum(), 1)
        return cls(sizes, means, lengths, contrasts, max(spread, 0.0))


def _neighbours(array: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    n = array.shape[axis]
    before, after = [slice(None)] * array.ndim, [slice(None)] * array.ndim
    before[axis], after[axis] = slice(0, n - 1), slice(1, n)
    return array[tuple(before)], array[tuple(after)]


class ClusterMerging:
    """The best partition of clusters into k classes, for every k.

    Clusters merge by Ward's criterion (JASA 1963) times a power of the mean gradient
    along the border of the two, so that classes split where edges are. Powers 0 to 3
    give four candidates; moving single clusters between the classes of the first as
    long as it helps (Hartigan and Wong, Applied Statistics 1979) gives a fifth. Each k
    takes the candidate whose class borders have the highest mean gradient, among those
    that explain nearly as much variance as the best. Empty clusters join others for
    free.
    """

    def __init__(self, statistics: ClusterStatistics) -> None:
        self._used = np.flatnonzero(statistics.sizes)
        used = np.ix_(self._used, self._used)
        self._all = len(statistics.sizes)
        self._sizes = statistics.sizes[self._used]
        self._means = statistics.means[self._used]
        self._lengths = statistics.lengths[used]
        self._contrasts = statistics.contrasts[used]
        self._spread = statistics.spread
        self._trees = [self._tree(power) for power in _EDGE_POWERS]
        self._known: dict[int, Group] = {}

    @property
    def n_clusters(self) -> int:
        """Number of clusters that have pixels: the finest class count."""
        return len(self._sizes)

    def explained(self, n_labels: int) -> float:
        """Fraction of the variance that lies between the best `n_labels` classes."""
        tree = self._trees[0]
        return self._explained(self._swapped(tree[min(n_labels, self.n_clusters)]))

    def groups(self, n_labels: int) -> Group:
        """Return the class, 0..k-1, of every cluster, the empty ones included.

        `k` is `n_labels`, or the number of clusters that have pixels if that is less.
        """
        k = min(max(n_labels, 1), self.n_clusters)
        if k not in self._known:
            self._known[k] = self._best(k)
        return self._known[k]

    def _best(self, k: int) -> Group:
        candidates = [tree[k] for tree in self._trees]
        candidates.insert(0, self._swapped(candidates[0]))
        explained = [self._explained(group) for group in candidates]
        least = _SACRIFICE * max(explained)
        enough = [g for g, e in zip(candidates, explained, strict=True) if e >= least]
        best = max(enough, key=self._border_contrast)
        # An empty cluster takes the class of the next one with pixels.
        position = np.searchsorted(self._used, np.arange(self._all))
        whole: Group = best[np.minimum(position, len(best) - 1)]
        return whole

    def _tree(self, power: float) -> dict[int, Group]:
        """Return the group of every cluster at every number of groups."""
        lengths, contrasts = self._lengths.copy(), self._contrasts.copy()
        sharpest = (contrasts / np.maximum(lengths, 1)).max(initial=1e-12)

        def sharpen(cost: NDArray[np.float64], left: NDArray[np.intp]) -> None:
            border, sums = (m[np.ix_(left, left)] for m in (lengths, contrasts))
            edge = np.where(border > 0, sums / np.maximum(border, 1), sharpest)
            cost *= edge**power

        n = self.n_clusters
        group = np.arange(n)
        levels = {n: group}
        for kept, gone in merges(self._means, self._sizes, sharpen):
            for matrix in (lengths, contrasts):
                matrix[kept] += matrix[gone]
                matrix[:, kept] += matrix[:, gone]
                matrix[kept, kept] = 0
            group = np.where(group == gone, kept, group)
            n -= 1
            levels[n] = np.unique(group, return_inverse=True)[1]
        return levels

    def _class_means(self, group: Group) -> tuple[NDArray[Any], NDArray[Any]]:
        sizes = np.bincount(group, self._sizes)
        sums = np.stack(
            [np.bincount(group, self._sizes * mean) for mean in self._means.T], axis=1
        )
        return sizes, sums / sizes[:, np.newaxis]

    def _swapped(self, group: Group) -> Group:
        """Move single clusters to other classes while that explains more variance."""
        group = group.copy()
        each = np.arange(len(group))
        for _ in range(4 * len(group)):
            sizes, means = self._class_means(group)
            distance = ((self._means[:, np.newaxis] - means[np.newaxis]) ** 2).sum(-1)
            rest = sizes[group] - self._sizes
            loss = distance[each, group] * sizes[group] / np.maximum(rest, 1e-9)
            loss[rest <= 1e-9] = 0  # a class may not become empty
            there = sizes / (sizes + self._sizes[:, np.newaxis]) * distance
            there[each, group] = np.inf
            gain = self._sizes * (loss - there.min(1))
            cluster = int(np.argmax(gain))
            if gain[cluster] <= 1e-9 * max(self._spread, 1e-12):
                break
            group[cluster] = int(np.argmin(there[cluster]))
        return group

    def _explained(self, group: Group) -> float:
        if self._spread <= 0:
            return 1.0
        sizes, means = self._class_means(group)
        center = sizes @ means / sizes.sum()
        return float(sizes @ ((means - center) ** 2).sum(1) / self._spread)

    def _border_contrast(self, group: Group) -> float:
        across = group[:, np.newaxis] != group
        length = self._lengths[across].sum()
        return float(self._contrasts[across].sum() / length) if length else 0.0

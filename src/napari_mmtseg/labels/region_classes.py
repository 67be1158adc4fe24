"""Classes of regions that look alike, for every class count."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree, fcluster, linkage

_ALIKE = 0.1
"""Regions closer than this many standard deviations of the responses share a class."""

_LEVELS = 64
"""More classes than this are made only if they are asked for."""

Group = NDArray[np.intp]


@dataclass(frozen=True)
class RegionClasses:
    """Classes of the regions of an image, by their mean responses (average linkage).

    `means` is (r, q), `sizes` (r,) counts pixels, and `lightness` (r,) sums the first
    channel of the image over every region. `variance` is that of the responses of all
    pixels, summed over the channels.
    """

    means: NDArray[np.float64]
    sizes: NDArray[np.float64]
    lightness: NDArray[np.float64]
    variance: float

    @property
    def n_regions(self) -> int:
        """Number of regions: the finest class count."""
        return len(self.means)

    @cached_property
    def automatic(self) -> int:
        """Class count if regions closer than 0.1 deviations become one."""
        if self.n_regions == 1:
            return 1
        return int(fcluster(self._tree, _ALIKE, "distance").max())

    def groups(self, n_labels: int) -> Group:
        """Return the class, 0..k-1 from dark to bright, of every region.

        `k` is `n_labels`, or the number of regions if that is less.
        """
        group, profiles = self._classes(n_labels)
        nearest = _nearest(self.means, profiles)
        # By the profiles, as for other images, unless a class would be lost.
        return nearest if len(np.unique(nearest)) == len(profiles) else group

    def profiles(self, n_labels: int) -> NDArray[np.float64]:
        """Return the mean response of every class, (k, q)."""
        return self._classes(n_labels)[1]

    def nearest(self, other: RegionClasses, n_labels: int) -> Group:
        """Return the class of every region of another image, by the nearest profile."""
        return _nearest(other.means, self.profiles(n_labels))

    def assign(
        self, other: RegionClasses, n_labels: int | None
    ) -> tuple[Group, NDArray[np.float64]]:
        """Return the classes of the regions of an image, and the classes' profiles.

        `other` has the regions, perhaps these themselves; the class count is by default
        the automatic one.
        """
        k = min(n_labels or self.automatic, self.n_regions)
        classes = self.groups(k) if other is self else self.nearest(other, k)
        return classes, self.profiles(k)

    def n_levels(self, at_least: int = 1) -> int:
        """Return the most classes that a table has: 64, or `at_least` if more."""
        return min(max(_LEVELS, at_least, self.automatic), self.n_regions)

    def table(self, at_least: int = 1) -> NDArray[np.intp]:
        """Return the class of every region for every class count, (levels, r)."""
        return np.stack([self.groups(k + 1) for k in range(self.n_levels(at_least))])

    @cached_property
    def _tree(self) -> NDArray[np.float64]:
        tree: NDArray[np.float64] = linkage(
            self.means / max(self.variance, 1e-12) ** 0.5, "average"
        )
        return tree

    def _classes(self, n_labels: int) -> tuple[Group, NDArray[np.float64]]:
        k = min(max(n_labels, 1), self.n_regions)
        group: NDArray[Any] = np.zeros(self.n_regions, np.intp)
        if k > 1:
            cut = cut_tree(self._tree, n_clusters=[k])[:, 0]
            group = np.unique(cut, return_inverse=True)[1]
        total = np.bincount(group, self.sizes)
        order = np.argsort(np.bincount(group, self.lightness) / total, kind="stable")
        rank = np.argsort(order, kind="stable")
        profiles = np.stack(
            [np.bincount(group, self.sizes * mean) / total for mean in self.means.T],
            axis=1,
        )
        return rank[group], profiles[order]


def _nearest(means: NDArray[np.float64], profiles: NDArray[np.float64]) -> Group:
    distance = ((means[:, np.newaxis] - profiles[np.newaxis]) ** 2).sum(-1)
    nearest: Group = distance.argmin(1)
    return nearest

"""Labels of one image for every class count: the one owner of numbering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_mmtseg.labels.regions import (
    absorb_small_regions,
    connected_regions,
    count_values,
)

Labels = NDArray[np.int32]

_NONE = -1
"""Label of a class that has none yet; 0 is background."""


@dataclass(frozen=True)
class LabelHierarchy:
    """Clusters of an image and the classes that they form.

    Classes of the result are labelled 1..k from dark to bright, unless a fitted model
    or another image decides; the class that is background is labelled 0. At other class
    counts a class keeps the label of its heaviest cluster: when two merge, the label of
    the heavier one stays.

    Attributes
    ----------
    clusters : (..., Y, X) ndarray of int
        Cluster of every pixel, 0..n-1: a channel of the network, or a region.
    groups : (finest, n) ndarray of int
        In row k-1 the class index of every cluster, 0..k-1 from dark to bright.
    sizes : (n,) ndarray
        Weight of every cluster.
    fitted, automatic : int
        Class count of the result, and the one if none is requested.
    regions : (..., Y, X) ndarray of int, or None
        Regions of the result, from 0, if regions of one class touch.
    min_region_size : int
        Smaller regions of a class join the class around them.
    merging : {"classes", "regions"}
        Whether the clusters are channels or regions.
    table : (finest, n) ndarray of int32, or None
        Label of every cluster at every class count, if not numbered by brightness.
    kept : (..., Y, X) ndarray of bool, or None
        Scribbled pixels: clean-up leaves their class alone.
    n_spatial : int
        Axes along which regions are connected: 2, or 3 for volumes.
    outside : (..., Y, X) ndarray of bool, or None
        Pixels outside the area that was segmented: no class covers them, label 0.
    """

    clusters: NDArray[Any] = field(repr=False)
    groups: NDArray[Any] = field(repr=False)
    sizes: NDArray[Any] = field(repr=False)
    fitted: int
    automatic: int
    regions: NDArray[Any] | None = field(default=None, repr=False)
    min_region_size: int = 0
    merging: str = "classes"
    table: NDArray[np.int32] | None = field(default=None, repr=False)
    kept: NDArray[np.bool_] | None = field(default=None, repr=False)
    n_spatial: int = 2
    outside: NDArray[np.bool_] | None = field(default=None, repr=False)

    @property
    def has_background(self) -> bool:
        """Whether a class of the result is labelled 0."""
        return self.table is not None and not self.label_of_cluster().all()

    @property
    def finest(self) -> int:
        """Largest class count."""
        return len(self.groups)

    def labels(self, n_labels: int | None = None, output: str = "classes") -> Labels:
        """Return the labels of all pixels after clean-up.

        The class count is at most `finest`, by default that of the result. `output` is
        "classes", or "regions" for their connected regions from 1.
        """
        if output == "classes":
            classes = self._cleaned(self.label_of_cluster(n_labels)[self.clusters])
            return self._within(classes)
        if n_labels is None and self.regions is not None:
            regions = self._cleaned(self.regions.astype(np.int32) + 1)
            if self.has_background:
                regions[self.labels(n_labels) == 0] = 0
            if self.outside is not None:  # which may cut a region in two
                return connected_regions(self._within(regions), self.n_spatial)
            return regions
        return connected_regions(self.labels(n_labels), self.n_spatial)

    def classes(self) -> NDArray[Any]:
        """Return the class of every pixel, from 0, dark to bright, before clean-up."""
        classes: NDArray[Any] = self.groups[self._level(None)][self.clusters]
        return classes

    def label_of_cluster(self, n_labels: int | None = None) -> NDArray[np.int32]:
        """Return the label of every cluster, by default in the result."""
        level = self._level(n_labels)
        row = self.groups[level]
        labels: NDArray[np.int32]
        if self.table is not None:
            labels = self.table[level]
        else:
            labels = self._identity[_heaviest(row, self.sizes)][row]
        return labels

    def label_of_class(self, n_labels: int | None = None) -> NDArray[np.int32]:
        """Return the label of every class, dark to bright.

        Classes without a cluster in this image get labels that no other class has.
        """
        row = self.groups[self._level(n_labels)]
        return _label_of_class(row, self.label_of_cluster(n_labels), row.max() + 1)

    def labels_for_model(self, tree: LabelHierarchy) -> NDArray[np.int32] | None:
        """Return the label that every class of a model has here; None if they are 1..k.

        Classes without a pixel leave no gap in the labels of this image: later ones
        move up. The same classes shall have the same labels in the next image, which
        may show them all. `tree` has the same clusters under the model's class indices.
        """
        row = tree.groups[tree._level(None)]
        present = self.sizes > 0
        own = self.label_of_cluster()[present]
        labels = _label_of_class(row[present], own, row.max() + 1)
        return None if (labels == np.arange(1, len(labels) + 1)).all() else labels

    def without_empty(self) -> LabelHierarchy:
        """Return the hierarchy without the classes that no pixel has."""
        present = count_values(self.clusters, self.groups.shape[1]) > 0
        groups = self.groups.copy()
        for row in groups:
            used = np.zeros(len(row), bool)
            used[row[present]] = True
            row[:] = np.maximum(np.cumsum(used) - 1, 0)[row]
        sizes = np.where(present, self.sizes, 0)
        return replace(self, groups=groups, sizes=sizes)

    def relabelled(self, labels: NDArray[np.int32]) -> LabelHierarchy:
        """Return the hierarchy with other labels for its classes.

        `labels` (k,) int32 has one for every class, dark to bright, at class count k. A
        model's k may differ from that of the result. Labels that do not fit are
        ignored.
        """
        row = self.groups[self._level(len(labels))]
        if not row.max() < len(labels) <= max(self.finest, self.fitted):
            return self
        identity = self._identities(row, labels)
        table = [identity[_heaviest(row, self.sizes)][row] for row in self.groups]
        return replace(self, table=np.stack(table))

    def with_background(
        self, index: int | None, n_labels: int | None = None
    ) -> LabelHierarchy:
        """Return the hierarchy with another class, or none, that is background.

        `index` counts the classes from 0, dark to bright, at class count `n_labels`.
        The background is labelled 0, and the other classes of the result 1, 2, ... in
        the order that they have. Painted classes and those at other class counts keep
        their labels instead.
        """
        labels = self.label_of_class(n_labels)
        others = np.arange(len(labels)) != (-1 if index is None else index)
        order = labels.astype(float)
        for was in np.flatnonzero(labels == 0):
            order[was] = (labels[was - 1] if was else 0) + 0.5
        ranks = np.argsort(np.argsort(np.where(others, order, -1)))
        numbers = np.where(others, ranks + (index is None), 0)
        is_result = n_labels in (None, self.fitted)
        if not is_result or set(labels) - set(range(len(labels) + 1)):
            free = np.setdiff1d(np.arange(1, len(labels) + 2), labels)[0]
            numbers = np.where(others & (labels == 0), free, labels * others)
        return self.relabelled(numbers.astype(np.int32))

    def matched_to(
        self, labels: NDArray[Any], has_background: bool = False
    ) -> LabelHierarchy:
        """Return the hierarchy with the labels that an image in its shape already has.

        Every class of the result takes the label that it shares most pixels with, each
        label once; the other classes get new ones. None takes 0, unless
        `has_background`.
        """
        row = self.groups[self._level(None)]
        n, most = max(self.fitted, int(row.max()) + 1), int(labels.max())
        pairs = row[self.clusters].astype(np.int64) * (most + 1) + labels
        pairs = pairs.ravel() if self.outside is None else pairs[~self.outside]
        shared = np.bincount(pairs, minlength=n * (most + 1)).reshape(n, most + 1)
        if not has_background:
            shared[:, 0] = 0
        numbering = np.full(n, _NONE, np.int32)
        matched = linear_sum_assignment(shared, maximize=True)
        for index, label in zip(*matched, strict=True):
            if shared[index, label]:
                numbering[index] = label
        return self.relabelled(_filled(numbering, max(most, 0)))

    def labelled_like(self, other: LabelHierarchy) -> LabelHierarchy:
        """Return the hierarchy with the labels that another image of the model has."""
        table = []
        for k, (row, there) in enumerate(zip(self.groups, other.groups, strict=False)):
            labels = other.label_of_cluster(k + 1)
            if self.merging == "regions":
                # The regions are others, the classes that they form are the same.
                n_classes = max(row.max(), there.max()) + 1
                labels = _label_of_class(there, labels, n_classes)[row]
            table.append(labels)
        return replace(self, groups=self.groups[: len(table)], table=np.stack(table))

    def reshaped(self, shape: Sequence[int]) -> LabelHierarchy:
        """Return the hierarchy with its images in another shape of the same size."""
        regions = None if self.regions is None else self.regions.reshape(shape)
        kept = None if self.kept is None else self.kept.reshape(shape)
        outside = None if self.outside is None else self.outside.reshape(shape)
        clusters = self.clusters.reshape(shape)
        return replace(
            self, clusters=clusters, regions=regions, kept=kept, outside=outside
        )

    def _within(self, labels: Labels) -> Labels:
        return labels if self.outside is None else np.where(self.outside, 0, labels)

    def _level(self, n_labels: int | None) -> int:
        k = self.fitted if n_labels is None else n_labels
        return min(max(k, 1), self.finest) - 1

    @cached_property
    def _identity(self) -> NDArray[np.int32]:
        row = self.groups[self._level(None)]
        n_classes = max(self.fitted, int(row.max()) + 1)
        return self._identities(row, np.arange(1, n_classes + 1, dtype=np.int32))

    def _identities(
        self, row: NDArray[Any], labels: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Give labels of classes to their heaviest clusters, larger ones to others."""
        present = np.unique(row)
        heaviest = _heaviest(row, self.sizes)[present]
        identity = np.zeros(len(row), np.int32)
        identity[heaviest] = labels[present]
        others = np.argsort(self.groups[-1], kind="stable")
        others = others[~np.isin(others, heaviest)]
        first = int(labels.max()) + 1
        identity[others] = np.arange(first, first + len(others))
        return identity

    def _cleaned(self, labels: Labels) -> Labels:
        if self.min_region_size <= 1:
            return labels
        # Background takes part, too, though regions of 0 do not connect.
        shifted = labels + 1
        cleaned = absorb_small_regions(shifted, self.min_region_size, self.n_spatial)
        cleaned -= 1
        return cleaned if self.kept is None else np.where(self.kept, labels, cleaned)


def without_gaps(
    present: NDArray[np.bool_], background: int | None = None
) -> NDArray[np.int32]:
    """Return labels 1, 2, ... for the classes that are present, then for the others.

    The class with the index `background` is labelled 0.
    """
    counted = present.copy()
    if background is not None:
        counted[background] = False
    numbers = np.where(counted, np.cumsum(counted, dtype=np.int32), _NONE)
    if background is not None:
        numbers[background] = 0
    return _filled(numbers)


def _filled(labels: NDArray[np.int32], most: int | None = None) -> NDArray[np.int32]:
    """Give labels above all others to the classes that have none."""
    missing = np.flatnonzero(labels == _NONE)
    first = max(int(labels.max() if most is None else most), 0) + 1
    labels[missing] = np.arange(first, first + len(missing))
    return labels


def _label_of_class(
    row: NDArray[Any], label_of_cluster: NDArray[np.int32], n_classes: int
) -> NDArray[np.int32]:
    labels = np.full(n_classes, _NONE, np.int32)
    labels[row] = label_of_cluster
    return _filled(labels)


def _heaviest(row: NDArray[Any], sizes: NDArray[Any]) -> NDArray[np.intp]:
    """Return the heaviest cluster of every class, the first one if several tie."""
    order = np.lexsort((-np.arange(len(row)), sizes))
    heaviest = np.zeros(int(row.max()) + 1, np.intp)
    heaviest[row[order]] = order
    return heaviest

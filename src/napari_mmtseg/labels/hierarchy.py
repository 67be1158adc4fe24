"""The labels of one image for every number of classes, without computing anew."""

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
    count_values,
    frame_regions,
)

__all__ = ["LabelHierarchy"]

Labels = NDArray[np.int32]


@dataclass(frozen=True)
class LabelHierarchy:
    """Leaves of an image and the classes that they form.

    Attributes
    ----------
    leaves : (..., Y, X) ndarray of int
        What merges: the cluster of every pixel, or its region, 0..n-1.
    groups : (finest, n) ndarray of int
        In row k-1 the class, 0..k-1 from dark to bright, of every leaf.
    sizes : (n,) ndarray
        Weight of every leaf: a class is known by the heaviest of its own.
    fitted : int
        Number of classes of the result.
    automatic : int
        Number of classes where it is not given.
    regions : (..., Y, X) ndarray of int, or None
        Connected regions, from 0, of the result itself, where they are more than the
        connected pieces of its classes.
    min_region_size : int
        Connected pieces smaller than this join what is around them.
    merging : {"classes", "regions"}
        Whether the leaves are clusters or regions.
    numbering : (fitted,) ndarray of int32, or None
        Label of every class of the result, where those are not 1..k.
    given : (finest, n) ndarray of int32, or None
        Label of every leaf at every number of classes, where another image decides.
    kept : (..., Y, X) ndarray of bool, or None
        Pixels that are painted: clean-up leaves their class alone.
    n_spatial : int
        Axes of what is cleaned up at once, and in which regions are connected: 2, or 3
        for volumes.
    """

    leaves: NDArray[Any] = field(repr=False)
    groups: NDArray[Any] = field(repr=False)
    sizes: NDArray[Any] = field(repr=False)
    fitted: int
    automatic: int
    regions: NDArray[Any] | None = field(default=None, repr=False)
    min_region_size: int = 0
    merging: str = "classes"
    numbering: NDArray[np.int32] | None = field(default=None, repr=False)
    given: NDArray[np.int32] | None = field(default=None, repr=False)
    kept: NDArray[np.bool_] | None = field(default=None, repr=False)
    n_spatial: int = 2

    @property
    def finest(self) -> int:
        """Largest number of classes."""
        return len(self.groups)

    def labels(self, n_labels: int | None = None, output: str = "classes") -> Labels:
        """Return labels 1..k, dark to bright, or the connected regions of the classes.

        Parameters
        ----------
        n_labels : int, optional
            Number of classes, at most `finest`; that of the result without it.
        output : {"classes", "regions"}
            As in the settings.
        """
        if output == "regions":
            if n_labels is None and self.regions is not None:
                return self._cleaned(self.regions.astype(np.int32) + 1)
            return frame_regions(self.labels(n_labels), self.n_spatial)
        numbers = self._row(n_labels).astype(np.int32) + 1
        return self._cleaned(numbers[self.leaves])

    def class_map(self, n_labels: int | None = None) -> NDArray[Any]:
        """Return the class of every pixel from 0, dark to bright, before clean-up."""
        classes: NDArray[Any] = self._row(n_labels)[self.leaves]
        return classes

    def values(self, n_labels: int | None = None) -> NDArray[np.int32]:
        """Return the label of every leaf, the same for a class at every number.

        A class keeps the label of its heaviest leaf, whatever else merges; those of the
        result are 1..k from dark to bright. When two classes merge, the heavier one's
        label stays.

        Parameters
        ----------
        n_labels : int, optional
            Number of classes; that of the result without it.

        Returns
        -------
        (n,) ndarray of int32
            From 1, with gaps.
        """
        row = self._row(n_labels)
        if self.given is not None:
            k = self.fitted if n_labels is None else n_labels
            named: NDArray[np.int32] = self.given[min(max(k, 1), self.finest) - 1]
            return named
        values: NDArray[np.int32] = self._identity[self._heaviest(row)][row]
        return values

    def class_values(self, n_labels: int | None = None) -> NDArray[np.int32]:
        """Return the label of every class from dark to bright, as in :meth:`values`.

        A class that has no leaf in this image gets a label that no other class has.
        """
        row = self._row(n_labels)
        values = np.zeros(int(row.max()) + 1, np.int32)
        values[row] = self.values(n_labels)
        return _without_gaps(values)

    def values_of_classes(self, model: LabelHierarchy) -> NDArray[np.int32] | None:
        """Return the label that every class of a model has in this image.

        Classes without a pixel, and those that clean-up takes, leave no gap in the
        labels of the result: those after them move up, and in the next image, where
        they may all be, the same classes should have the same labels.

        Parameters
        ----------
        model : LabelHierarchy
            The same leaves as the model numbers them.

        Returns
        -------
        (k,) ndarray of int32 or None
            From dark to bright; None where they are 1..k.
        """
        row = model._row(None)
        present = self.sizes > 0
        values = np.zeros(int(row.max()) + 1, np.int32)
        values[row[present]] = self.values()[present]
        values = _without_gaps(values)
        return None if (values == np.arange(1, len(values) + 1)).all() else values

    def shown(self, n_labels: int | None = None) -> Labels:
        """Return the classes under the labels of :meth:`values`."""
        return self._cleaned(self.values(n_labels)[self.leaves])

    def numbered(self) -> LabelHierarchy:
        """Return the hierarchy without numbers for classes that no pixel has."""
        present = count_values(self.leaves, self.groups.shape[1]) > 0
        groups = self.groups.copy()
        for row in groups:
            used = np.zeros(len(row), bool)
            used[row[present]] = True
            row[:] = np.maximum(np.cumsum(used) - 1, 0)[row]
        sizes = np.where(present, self.sizes, 0)
        return replace(self, groups=groups, sizes=sizes)

    def renumbered(self, labels: Labels) -> LabelHierarchy:
        """Return the hierarchy with the labels that the result has after clean-up.

        Parameters
        ----------
        labels : (..., Y, X) ndarray of int32
            Those of :meth:`labels`, where clean-up may have taken whole classes.
        """
        return self.renumbered_by(count_values(labels, self.fitted + 1)[1:] > 0)

    def renumbered_by(self, left: NDArray[np.bool_]) -> LabelHierarchy:
        """Do the same with what tells for every label 1..fitted if it is left."""
        if left.all():
            return self
        numbering = np.cumsum(left, dtype=np.int32)
        gone = np.flatnonzero(~left)
        numbering[gone] = np.arange(1, len(gone) + 1) + numbering.max()
        return replace(self, numbering=numbering)

    def named_like(self, other: LabelHierarchy) -> LabelHierarchy:
        """Return the hierarchy with the labels that its classes have in another image.

        Parameters
        ----------
        other : LabelHierarchy
            Of the same model.
        """
        levels = min(self.finest, other.finest)
        given = []
        for k in range(1, levels + 1):
            values = other.values(k)
            if self.merging == "regions":
                # Not the regions are the same, but the classes that they form.
                row, there = self.groups[k - 1], other.groups[k - 1]
                named = np.zeros(max(int(row.max()), int(there.max())) + 1, np.int32)
                named[there] = values
                values = named[row]
            given.append(values)
        return replace(self, groups=self.groups[:levels], given=np.stack(given))

    def named_after(self, labels: NDArray[Any]) -> LabelHierarchy:
        """Return the hierarchy with the labels that an image has already.

        Every class of the result takes the label that it shares most pixels with, each
        label once; what is left gets new ones.

        Parameters
        ----------
        labels : (..., Y, X) ndarray of int
            In the shape of the leaves.
        """
        row = self._row(None)
        n, most = max(self.fitted, int(row.max()) + 1), int(labels.max())
        classes = row[self.leaves].astype(np.int64)
        pairs = (classes * (most + 1) + labels).ravel()
        table = np.bincount(pairs, minlength=n * (most + 1)).reshape(n, most + 1)
        table[:, 0] = 0  # nothing is named background
        numbering = np.zeros(n, np.int32)
        matched = linear_sum_assignment(table, maximize=True)
        for group, label in zip(*matched, strict=True):
            if table[group, label]:
                numbering[group] = label
        without = np.flatnonzero(numbering == 0)
        numbering[without] = np.arange(1, len(without) + 1) + max(most, 0)
        return replace(self, numbering=numbering)

    def arranged(self, shape: Sequence[int]) -> LabelHierarchy:
        """Return the hierarchy with its images in another shape of the same size."""
        regions = None if self.regions is None else self.regions.reshape(shape)
        kept = None if self.kept is None else self.kept.reshape(shape)
        leaves = self.leaves.reshape(shape)
        return replace(self, leaves=leaves, regions=regions, kept=kept)

    def with_values(self, values: NDArray[np.int32]) -> LabelHierarchy:
        """Return the hierarchy with a label for every class of a fitted model.

        Parameters
        ----------
        values : (k,) ndarray of int32
            Label of every class, dark to bright, at `k` classes: those of the model,
            which need not be as many as the result has.
        """
        if len(values) > self.finest:
            return self
        named = replace(self, fitted=len(values), numbering=values, given=None)
        if self.fitted == named.fitted:
            return named
        given = [named.values(k + 1) for k in range(self.finest)]
        return replace(self, given=np.stack(given))

    def _row(self, n_labels: int | None) -> NDArray[Any]:
        k = self.fitted if n_labels is None else n_labels
        row: NDArray[Any] = self.groups[min(max(k, 1), self.finest) - 1]
        return row

    def _heaviest(self, row: NDArray[Any]) -> NDArray[np.intp]:
        """Return the heaviest leaf of every class, the first of several."""
        order = np.lexsort((-np.arange(len(row)), self.sizes))
        heaviest = np.zeros(int(row.max()) + 1, np.intp)
        heaviest[row[order]] = order
        return heaviest

    @cached_property
    def _identity(self) -> NDArray[np.int32]:
        """Label of every leaf when a class is known by it."""
        row = self._row(None)
        present = np.unique(row)
        heaviest = self._heaviest(row)[present]
        identity = np.zeros(len(row), np.int32)
        n_classes = max(self.fitted, int(present[-1]) + 1)
        numbering = np.arange(1, n_classes + 1, dtype=np.int32)
        if self.numbering is not None:
            numbering = self.numbering
        identity[heaviest] = numbering[present]
        others = np.argsort(self.groups[-1], kind="stable")
        others = others[~np.isin(others, heaviest)]
        first = int(numbering.max()) + 1
        identity[others] = np.arange(first, first + len(others))
        return identity

    def _cleaned(self, labels: Labels) -> Labels:
        if self.min_region_size <= 1:
            return labels
        frames = labels.reshape(-1, *labels.shape[-self.n_spatial :])
        cleaned = np.stack(
            [absorb_small_regions(f, self.min_region_size) for f in frames]
        ).reshape(labels.shape)
        return cleaned if self.kept is None else np.where(self.kept, labels, cleaned)


def _without_gaps(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give labels of their own to those that have none, in place."""
    missing = np.flatnonzero(values == 0)
    values[missing] = np.arange(1, len(missing) + 1) + values.max()
    return values

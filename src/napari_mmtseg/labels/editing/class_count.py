"""Another class count for labels that have been edited."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.labels.editing.undo import PackedLabels
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.regions import connected_regions, labels_of_regions

_REMEMBERED = 16
"""Images that are recognised when they come back, by undo for instance."""

_GLANCE = 2**18
"""Pixels that are enough to distinguish candidates, ties aside."""

Labels = NDArray[Any]


@dataclass(frozen=True)
class Display:
    """Choice of what labels show: classes, regions or objects; and the class count."""

    n_labels: int
    output: str


@dataclass
class _Made:
    """Labels that were made, their classes and where those were edited by hand.

    The latest are kept as they are, since they are asked for most; others are packed.
    """

    display: Display
    labels: Labels | PackedLabels
    classes: Labels | PackedLabels
    edited: Labels | PackedLabels
    glance: Labels

    def pack(self) -> None:
        if not isinstance(self.labels, PackedLabels):
            self.labels = PackedLabels.pack(self.labels)
            self.classes = PackedLabels.pack(np.asarray(self.classes))
            self.edited = PackedLabels.pack(np.asarray(self.edited).view(np.uint8))


class ClassCount:
    """Give the labels of an image any class count and keep what was edited by hand.

    Edits are found in the labels themselves: the labels are compared with those of the
    hierarchy at every class count and with those that were made last, and pixels that
    differ from the nearest are edits. Undo, redo and edits by any tool therefore need
    not be reported.
    """

    def __init__(self, hierarchy: LabelHierarchy) -> None:
        self.hierarchy = hierarchy
        self._made: deque[_Made] = deque(maxlen=_REMEMBERED)
        self._step = max(1, round((hierarchy.clusters.size / _GLANCE) ** 0.5))
        self._last = Display(hierarchy.fitted, "classes")

    def display(self, labels: Labels) -> Display:
        """Return what labels show, from some of their pixels."""
        made, number, _ = self._candidates(labels)
        if made and (number is None or made[0].display == self._last):
            return made[0].display
        assert number is not None
        return Display(number, "classes")

    def agreement(self, labels: Labels) -> float:
        """Return the share of pixels that agree with this hierarchy, 0 to 1."""
        return self._candidates(labels)[2] / self._glance(labels).size

    def edits(self, labels: Labels) -> Labels:
        """Return the class of every pixel that was edited, and 0 elsewhere."""
        classes, edited = self._classes_and_edits(labels)
        return np.where(edited, classes, 0)

    def has_edits(self, labels: Labels) -> bool:
        """Return whether any pixel was edited."""
        return bool(self._classes_and_edits(labels)[1].any())

    def erased(self, labels: Labels) -> NDArray[np.bool_]:
        """Return a mask of the pixels that were edited to be background."""
        _, edited = self._classes_and_edits(labels)
        erased: NDArray[np.bool_] = edited & (labels == 0)
        return erased

    def unedited(self, labels: Labels) -> Labels:
        """Return the classes that labels would show without edits."""
        return self.hierarchy.labels(self.display(labels).n_labels)

    def as_shown(self, labels: Labels) -> LabelHierarchy:
        """Return the hierarchy; a class whose pixels are all 0 now is background."""
        hierarchy, shown = self.hierarchy, self.display(labels)
        if hierarchy.has_background or shown.output != "classes":
            return hierarchy
        before = hierarchy.labels(shown.n_labels)
        for index, value in enumerate(hierarchy.label_of_class(shown.n_labels)):
            pixels = labels[before == value]
            if value and pixels.size and not pixels.any():
                return hierarchy.with_background(index, shown.n_labels)
        return hierarchy

    def change(
        self,
        labels: Labels,
        n_labels: int,
        output: str,
        made_by: ClassCount | None = None,
        find_objects: Callable[[Labels], Labels] | None = None,
    ) -> Labels:
        """Return labels, in the shape of the clusters, with another class count.

        Edited pixels keep their class; if the labels show regions, that of the region
        they were given to. Output "objects" needs `find_objects`, a function from
        classes to objects. `made_by` belongs to another hierarchy of the image, or the
        same under other labels, if the labels show that one.
        """
        made_by = made_by or self
        classes, edited = made_by._classes_and_edits(labels)
        if made_by is not self and made_by.hierarchy.groups is self.hierarchy.groups:
            shown = made_by.display(labels).n_labels
            pair = (made_by.hierarchy, self.hierarchy)
            classes = _renamed(classes, *(h.label_of_class(shown) for h in pair))
        new = self.hierarchy.labels(n_labels)
        new[edited] = classes[edited]
        if output == "classes":
            result = new
        elif output == "objects":
            assert find_objects is not None
            result = find_objects(new)
        elif n_labels == self.hierarchy.fitted and not edited.any():
            result = self.hierarchy.labels(output="regions")
        else:
            result = connected_regions(new, self.hierarchy.n_spatial)
        self._last = Display(n_labels, output)
        # Classes without edits are recognised anyway.
        if output != "classes" or edited.any():
            self._remember(result, new, edited)
        return result

    def note_result(self, labels: Labels, display: Display) -> None:
        """Remember the labels of the result itself."""
        self._last = display
        if display.output != "classes":
            no_edits = np.zeros(labels.shape, bool)
            self._remember(labels, self.hierarchy.labels(display.n_labels), no_edits)

    def _remember(
        self, labels: Labels, classes: Labels, edited: NDArray[np.bool_]
    ) -> None:
        if self._made:
            self._made[-1].pack()
        glance = self._glance(labels).copy()
        # The caller may change the labels.
        self._made.append(_Made(self._last, labels.copy(), classes, edited, glance))

    def _classes_and_edits(self, labels: Labels) -> tuple[Labels, NDArray[np.bool_]]:
        made, number, _ = self._candidates(labels)
        best: tuple[int, Labels, NDArray[np.bool_]] | None = None
        for candidate in made:
            before = np.asarray(candidate.labels, np.int32)
            differs = labels != before
            n = int(np.count_nonzero(differs))
            if best is not None and n >= best[0]:
                continue
            classes = np.asarray(candidate.classes, np.int32)
            edited = np.asarray(candidate.edited).astype(bool)
            if n:
                classes, edited = classes.copy(), edited | differs
                here = labels[differs]
                if candidate.display.output != "classes":
                    here = _classes_of(here, before, classes)
                classes[differs] = here
            best = n, classes, edited
        if number is not None:
            differs = labels != self.hierarchy.labels(number)
            n = int(np.count_nonzero(differs))
            if best is None or n < best[0]:
                best = n, labels, differs
        assert best is not None
        return best[1], best[2]

    def _candidates(self, labels: Labels) -> tuple[list[_Made], int | None, int]:
        """Return the best candidates by some of the pixels, and how many pixels agree.

        Candidates are images that were made, the latest first, and a class count, or
        None.
        """
        seen = self._glance(labels)
        same = [int(np.count_nonzero(seen == made.glance)) for made in self._made]
        number, agreement = self._nearest_number(seen)
        best = max([agreement, *same])
        made = [m for m, n in zip(self._made, same, strict=True) if n == best]
        return made[::-1], number if agreement == best else None, best

    def _glance(self, labels: Labels) -> Labels:
        return labels[..., :: self._step, :: self._step]

    def _nearest_number(self, seen: Labels) -> tuple[int, int]:
        """Return the class count that most pixels agree with, and how many do."""
        clusters, n_outside = self._glance(self.hierarchy.clusters), 0
        if self.hierarchy.outside is not None:
            outside = self._glance(self.hierarchy.outside)
            n_outside = int(np.count_nonzero(seen[outside] == 0))
            clusters, seen = clusters[~outside], seen[~outside]
        label_of = self.hierarchy.label_of_cluster
        finest, n = self.hierarchy.groups.shape
        n_values = int(label_of(finest).max()) + n + 2
        clipped = np.clip(seen, 0, n_values - 1).astype(np.int64)
        counts = np.bincount(
            (clusters.astype(np.int64) * n_values + clipped).ravel(),
            minlength=n * n_values,
        ).reshape(n, n_values)
        each = np.arange(n)
        agreement = np.array(
            [counts[each, label_of(k + 1)].sum() for k in range(finest)]
        )
        # The chosen one, if this image shows no difference between several numbers.
        best = np.flatnonzero(agreement == agreement.max())
        chosen = self._last.n_labels - 1
        index = chosen if chosen in best else int(best[0])
        return index + 1, int(agreement[index]) + n_outside


def _renamed(classes: Labels, before: Labels, after: Labels) -> Labels:
    """Return classes under other labels; those that are none of these stay."""
    renamed = classes.copy()
    for old, new in zip(before.tolist(), after.tolist(), strict=True):
        renamed[classes == old] = new
    return renamed


def _classes_of(values: Labels, regions: Labels, classes: Labels) -> Labels:
    """Return the class of regions; values that are not a region stay."""
    class_of = labels_of_regions(regions, classes)
    known = values < len(class_of)
    found = values.copy()
    found[known] = class_of[values[known]]
    return found

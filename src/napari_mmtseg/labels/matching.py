"""Labels that stay with their class from slice to slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from napari_mmtseg.labels.regions import sum_by_label

_SAME = 0.35
"""Likeness, 0 to 1, from which two classes count as one."""

_TRUST = 0.5
"""Weight of the look of a class in one slice against its look before."""


@dataclass
class _Known:
    """A class as it was last seen: its pixels (Y, X) and its mean pixel (C,)."""

    mask: NDArray[np.bool_]
    look: NDArray[np.float64]


class LabelMatcher:
    """Relabel one slice after the other with the labels of the slices before.

    The classes of a slice and the known classes are assigned to each other one to one
    so that their summed likeness is largest (Hungarian method; Kuhn, Naval Research
    Logistics Quarterly 2, 1955). The likeness of two classes is the mean of their
    overlap (Dice, Ecology 26, 1945) and of how alike they look: the distance of their
    mean pixels against the spread of the slice. A class unlike all known ones gets a
    new label. A class that is missing in a slice is not forgotten: later slices are
    compared with its last position and look.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    @property
    def n_labels(self) -> int:
        """Number of labels assigned so far."""
        return len(self._known)

    def match(
        self, labels: NDArray[np.int32], image: NDArray[Any]
    ) -> NDArray[np.int32]:
        """Return the labels of the next slice.

        `labels` is (Y, X), classes 1..k; `image` (C, Y, X) has the raw pixels.
        """
        k = int(labels.max(initial=0))
        with np.errstate(invalid="ignore"):
            pixels = np.nan_to_num(image.astype(np.float32), posinf=0, neginf=0)
        sizes, sums = sum_by_label(labels, pixels, k + 1)
        looks = sums / np.maximum(sizes, 1)[:, np.newaxis]
        present = np.flatnonzero(sizes[1:]) + 1
        spread = float(np.sqrt(pixels.var(axis=(1, 2)).sum())) or 1.0
        names = sorted(self._known)
        numbers = np.zeros(k + 1, np.int32)
        if names:
            likeness = self._likeness(labels, looks, sizes, present, names, spread)
            # A poor match shall not take the partner of a good one.
            likeness[likeness < _SAME] = 0
            for i, j in zip(*linear_sum_assignment(likeness, True), strict=True):
                if likeness[i, j] >= _SAME:
                    numbers[present[i]] = names[j]
        for label in present:
            if not numbers[label]:
                numbers[label] = max(self._known, default=0) + 1
            self._remember(int(numbers[label]), labels == label, looks[label])
        return numbers[labels]

    def _remember(
        self, name: int, mask: NDArray[np.bool_], look: NDArray[np.float64]
    ) -> None:
        known = self._known.get(name)
        if known is not None:
            look = _TRUST * look + (1 - _TRUST) * known.look
        self._known[name] = _Known(mask, look)

    def _likeness(
        self,
        labels: NDArray[np.int32],
        looks: NDArray[np.float64],
        sizes: NDArray[np.float64],
        present: NDArray[np.intp],
        names: list[int],
        spread: float,
    ) -> NDArray[np.float64]:
        columns = []
        for name in names:
            known = self._known[name]
            common = np.bincount(labels[known.mask], minlength=len(sizes))[present]
            dice = 2 * common / (sizes[present] + np.count_nonzero(known.mask))
            distance = np.linalg.norm(looks[present] - known.look, axis=1) / spread
            columns.append((dice + np.exp(-((2 * distance) ** 2))) / 2)
        return np.stack(columns, axis=1)

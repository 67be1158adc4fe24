"""The objects of a label image, and the classes that they are made of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.regions import count_values


class NoObjects(InputError):
    """Labels without a foreground, or with nothing else."""


@dataclass(frozen=True)
class Objects:
    """Objects of an image.

    Attributes
    ----------
    labels : (..., Y, X) array of int
        Objects numbered from 1; 0 elsewhere.
    classes : (n + 1,) ndarray of int
        Class of every object by its label: the one that most of it has. 0 for label 0.
    size : float
        Typical diameter in pixels along X, as given or found.
    foreground : tuple of int
        Classes that the objects are made of.
    """

    labels: Any = field(repr=False)
    classes: NDArray[Any] = field(repr=False)
    size: float
    foreground: tuple[int, ...]

    @property
    def n_objects(self) -> int:
        """Number of objects."""
        return len(self.classes) - 1


def choose_foreground(
    planes: Collection[NDArray[Any]], foreground: str
) -> tuple[int, ...]:
    """Return the classes of objects by the planes (Y, X) of a label image.

    `foreground` is as in the settings. Raises NoObjects if there is but one class.
    """
    counts: NDArray[np.int64] = np.zeros(1, np.int64)
    edges: NDArray[np.int64] = np.zeros(1, np.int64)
    for plane in planes:
        counts = _added(counts, count_values(plane, 1))
        rim = np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]])
        edges = _added(edges, count_values(rim, 1))
    present = np.flatnonzero(counts)
    if foreground == "auto":
        background = 0 if counts[0] else int(np.argmax(edges))
        chosen = present[present != background]
    else:
        classes = present[present > 0]
        chosen = classes[-1:] if foreground == "bright" else classes[:1]
        if len(present) == 1:
            chosen = chosen[:0]
    if not len(chosen):
        what = "one class" if len(present) else "no pixel"
        raise NoObjects(
            f"There are no objects to find: the labels have {what} only. Objects need "
            "a background and at least one other class. Segment into 2 classes or "
            "more."
        )
    return tuple(int(c) for c in chosen)


def _added(
    counts: NDArray[np.int64], more: NDArray[np.int64]
) -> NDArray[np.int64]:
    total = np.zeros(max(len(counts), len(more)), np.int64)
    total[: len(counts)] += counts
    total[: len(more)] += more
    return total

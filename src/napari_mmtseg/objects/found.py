"""The objects of a label image, and the classes that they are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.background import shares_in_one, surrounding_class
from napari_mmtseg.labels.regions import count_values

_HIGHEST_CLASS = 2**24


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
        Class of every object by its label: the one that most of it has; of dim objects,
        which have none, the dimmest. 0 for label 0.
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
    parts: Iterable[NDArray[Any]],
    rims: Iterable[NDArray[Any]],
    frames: Iterable[NDArray[Any]],
    foreground: str,
) -> tuple[int, ...]:
    """Return the classes that objects are made of.

    Parameters
    ----------
    parts : iterable of ndarray
        All labels, part by part.
    rims : iterable of ndarray
        Those at the border of the image.
    frames : iterable of ndarray
        Some planes or volumes, or a part of each, in which regions are looked at.
    foreground : {"auto", "bright", "dark"}
        As in the settings.

    Raises
    ------
    NoObjects
        If there is but one class.
    """
    counts = _counts(parts)
    present = np.flatnonzero(counts)
    if foreground == "auto":
        chosen = present[present != _background(counts, rims, frames)]
    else:
        classes = present[present > 0]
        chosen = classes[-1:] if foreground == "bright" else classes[:1]
        if len(present) == 1:
            chosen = chosen[:0]
    if not len(chosen):
        raise NoObjects(
            "There are no objects to find: the labels have one class only. Objects "
            "need a background and at least one other class. Segment into 2 classes "
            "or more."
        )
    return tuple(int(c) for c in chosen)


def _background(
    counts: NDArray[Any],
    rims: Iterable[NDArray[Any]],
    frames: Iterable[NDArray[Any]],
) -> int:
    if counts[0]:
        return 0
    n = len(counts)
    edges = sum(count_values(rim, n) for rim in rims)
    return surrounding_class(counts, np.asarray(edges), shares_in_one(frames, n))


def _counts(parts: Iterable[NDArray[Any]]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.zeros(1, np.int64)
    for part in parts:
        if part.min(initial=0) < 0:
            raise InputError(
                f"Labels as low as {part.min()} have no objects. Accepted: values "
                "from 0."
            )
        if part.max(initial=0) > _HIGHEST_CLASS:
            raise InputError(
                f"Labels as high as {part.max()} are not classes. Accepted: values up "
                f"to {_HIGHEST_CLASS}; relabel them, or name classes."
            )
        counts = _added(counts, count_values(part, 1))
    return counts


def _added(counts: NDArray[np.int64], more: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.zeros(max(len(counts), len(more)), np.int64)
    total[: len(counts)] += counts
    total[: len(more)] += more
    return total


def classes_of_objects(labels: Any, classes: Any) -> NDArray[np.int64]:
    """Return the class that most of every object has, by label; 0 for label 0.

    Both are label images of one shape. Raises InputError if they are not.
    """
    if tuple(labels.shape) != tuple(classes.shape):
        raise InputError(
            f"Classes of shape {tuple(classes.shape)} do not lie on objects of shape "
            f"{tuple(labels.shape)}. Give the classes that the objects were made from."
        )
    counted: dict[tuple[int, int], int] = {}
    most = 0
    for index in np.ndindex(*labels.shape[:-2]):
        objects, values = np.asarray(labels[index]), np.asarray(classes[index])
        inside = objects > 0
        pairs, counts = np.unique(
            np.stack([objects[inside], values[inside]]), axis=1, return_counts=True
        )
        for (label, value), n in zip(pairs.T.tolist(), counts.tolist(), strict=True):
            counted[label, value] = counted.get((label, value), 0) + n
            most = max(most, label)
    found = np.zeros(most + 1, np.int64)
    for (label, value), _ in sorted(counted.items(), key=lambda item: item[1]):
        found[label] = value
    return found

"""Weight of regions in the classes of scribbles, chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from napari_mmtseg.labels.discriminant import Discriminant

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.image_view import ImageView

BOTH, REGIONS = 0.5, 1.0
"""Weight of the mean over regions against the pixel itself: both, or regions alone."""

_BETTER = 0.02
"""Share of left-out pixels that more averaging has to gain."""

_FOLDS = 5

Labels = NDArray[np.int32]


def region_weight(
    views: Sequence[ImageView],
    painted: Sequence[Labels],
    n_features: Sequence[int],
    n_classes: int,
) -> float:
    """Return the weight of regions with which left-out strokes are found best.

    Averages over regions put borders on edges and quieten noise, and they remove what
    is smaller than a region. `painted` (Y, X), in the size of the views, holds painted
    classes from 1. Strokes are left out in turn, some of every class at a time, and
    classified by the others. Without strokes to spare the weight is that of both.
    """
    shares: dict[float, list[NDArray[np.float64]]] = {BOTH: [], REGIONS: []}
    strokes = [_strokes(paint) for paint in painted]
    for left_out in _folds(strokes, painted, n_classes):
        known = [np.where(out, 0, p) for out, p in zip(left_out, painted, strict=True)]
        samples = painted_samples(views, known, n_classes)
        if not all(len(pixels) for pixels in samples):
            continue
        guess = Discriminant.fit(samples, n_features)
        right = {weight: np.zeros((2, n_classes)) for weight in shares}
        for view, out, paint in zip(views, left_out, painted, strict=True):
            if not out.any():
                continue
            found = guess.probabilities(view.seen)
            classes = paint[out] - 1
            for weight, counts in right.items():
                best = view.averaged(found, weight)[:, out].argmax(0)
                counts[0] += np.bincount(classes[best == classes], minlength=n_classes)
                counts[1] += np.bincount(classes, minlength=n_classes)
        for weight, (hits, all_of_them) in right.items():
            seen = all_of_them > 0
            shares[weight].append(hits[seen] / all_of_them[seen])
    if not shares[BOTH]:
        return BOTH
    both, regions = (float(np.concatenate(shares[w]).mean()) for w in (BOTH, REGIONS))
    return REGIONS if regions > both + _BETTER else BOTH


def painted_samples(
    views: Sequence[ImageView], painted: Sequence[Labels], n_classes: int
) -> list[NDArray[np.float32]]:
    """Return the features (n, F) of the painted pixels of every class."""
    parts = [
        [view.seen[:, paint == c].T for view, paint in zip(views, painted, strict=True)]
        for c in range(1, n_classes + 1)
    ]
    return [np.concatenate(pixels) for pixels in parts]


def _strokes(painted: Labels) -> NDArray[np.int64]:
    """Return painted pixels numbered by the stroke that they belong to."""
    numbers: NDArray[np.int64] = label(painted, background=0, connectivity=2)
    return numbers


def _folds(
    strokes: Sequence[NDArray[np.int64]], painted: Sequence[Labels], n_classes: int
) -> Iterator[list[NDArray[np.bool_]]]:
    """Yield which pixels are left out; classes with one stroke keep it."""
    of_class: list[list[tuple[int, int]]] = [[] for _ in range(n_classes)]
    for at, (numbers, paint) in enumerate(zip(strokes, painted, strict=True)):
        values, first = np.unique(numbers, return_index=True)
        for value, place in zip(values.tolist(), first.tolist(), strict=True):
            if value:
                of_class[paint.flat[place] - 1].append((at, value))
    n_folds = min(max(map(len, of_class)), _FOLDS)
    for fold in range(n_folds):
        chosen = [own[fold::n_folds] for own in of_class if len(own) > 1]
        if not any(chosen):
            continue
        left_out = {place for places in chosen for place in places}
        yield [
            np.isin(numbers, [value for where, value in left_out if where == at])
            for at, numbers in enumerate(strokes)
        ]

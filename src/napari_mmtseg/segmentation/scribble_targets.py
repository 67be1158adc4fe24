"""What is to be learned from painted pixels, as far as it is known before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.features import FeatureBank
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.labels.scribbles import (
    free_values,
    painted_places,
    painted_values,
    shrink_painted,
)
from napari_mmtseg.progress import drain
from napari_mmtseg.segmentation.scribble_guess import (
    Discriminant,
    mended,
    other_classes,
    sample,
)
from napari_mmtseg.segmentation.scribble_input import model_values
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel
    from napari_mmtseg.engine.model.image_view import ImageView

__all__ = ["ScribbleTargets", "first_lesson", "next_lesson"]

Labels = NDArray[np.int32]


@dataclass(frozen=True)
class ScribbleTargets:
    """What is to be learned, as far as it is known before training.

    Attributes
    ----------
    values : (k,) ndarray of int32
        Label of every class.
    targets : list of (Y, X) ndarray of int32
        Class of every pixel of every view, 0..k-1.
    painted : list of (Y, X) ndarray of int32
        Class of painted pixels at full size, 1..k, else 0.
    expected : (Y, X) ndarray of int32 or None
        Class of every pixel of the first image, 0..k-1, at full size, where classes
        that were found are to stay but for what was painted.
    """

    values: Labels
    targets: list[Labels]
    painted: list[Labels]
    expected: Labels | None = None


def first_lesson(
    views: Sequence[ImageView],
    scribbles: Sequence[Labels | None],
    settings: SegmentationSettings,
) -> ScribbleTargets:
    """Guess all classes from what is painted.

    Parameters
    ----------
    views : sequence of ImageView
        The images.
    scribbles : sequence of (Y, X) ndarray of int32 or None
        What is painted in each, at full size.
    settings : SegmentationSettings
        How many classes, and what counts as another one.
    """
    values = painted_values(list(scribbles))
    painted = _numbered(scribbles, values, [view.image.shape[1:] for view in views])
    n_painted = len(values)
    n_others: int | None = 0
    if settings.n_labels is not None:
        n_others = settings.n_labels - n_painted
    elif n_painted == 1:
        n_others = None
    samples: list[list[NDArray[np.float32]]] = [[] for _ in values]
    for view, paint in zip(views, painted, strict=True):
        places, classes, _ = painted_places(paint, view.seen.shape[1:])
        pixels = view.seen.reshape(len(view.seen), -1)
        for c in np.unique(classes):
            samples[c - 1].append(pixels[:, places[classes == c]].T)
    if n_others != 0:
        others = _others(views, painted, n_painted, n_others, settings)
        n_found = max(int(other.max()) for other in others)
        values = np.append(values, free_values(values, n_found))
        samples += [
            [sample(v.seen[:, o == c].T) for v, o in zip(views, others, strict=True)]
            for c in range(1, n_found + 1)
        ]
    guess = Discriminant.fit([np.concatenate(pixels) for pixels in samples])
    targets = []
    for view, paint in zip(views, painted, strict=True):
        target = view.averaged(guess.probabilities(view.seen)).argmax(0)
        known = shrink_painted(paint, target.shape)
        targets.append(np.where(known > 0, known - 1, target))
    # In the order of their values from here on.
    rank = np.argsort(np.argsort(values)).astype(np.int32)
    numbers = np.append(0, rank + 1).astype(np.int32)
    return ScribbleTargets(
        np.sort(values),
        [rank[target] for target in targets],
        [numbers[paint] for paint in painted],
    )


def _others(
    views: Sequence[ImageView],
    painted: Sequence[Labels],
    n_painted: int,
    n_others: int | None,
    settings: SegmentationSettings,
) -> list[Labels]:
    from napari_mmtseg.engine.examples import N_CLUSTERS, warm_start

    images = [view.image for view in views]
    return other_classes(
        warm_start(images, max(N_CLUSTERS, 2 * (n_painted + (n_others or 1)))),
        images,
        [
            shrink_painted(paint, image.shape[1:])
            for paint, image in zip(painted, images, strict=True)
        ],
        n_painted,
        n_others,
        settings.merge_threshold,
    )


def next_lesson(
    views: Sequence[ImageView],
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Labels | None],
    model: MutualMeanTeachingModel,
    working_size: int | None,
) -> ScribbleTargets:
    """Let the classes of a model follow what is painted.

    Parameters
    ----------
    views : sequence of ImageView
        The images.
    images : sequence of (C, Y, X) ndarray
        The same, raw.
    scribbles : sequence of (Y, X) ndarray of int32 or None
        What is painted in each, at full size.
    model : MutualMeanTeachingModel
        Whose classes they are.
    working_size : int or None
        Long side of the targets.
    """
    from napari_mmtseg.engine.examples import to_working_size

    values = np.union1d(model_values(model), painted_values(list(scribbles)))
    values = values.astype(np.int32)
    painted = _numbered(scribbles, values, [image.shape[1:] for image in images])
    targets, expected = [], []
    for view, raw, paint in zip(views, images, painted, strict=True):
        memory = model.recalled(raw)
        if memory is None:
            hierarchy = drain(model.iter_hierarchy(raw, channel_axis=0))
        else:
            hierarchy = memory.hierarchy
        if model.given is None:
            plain = to_working_size(view.image, working_size)
            _, (features,) = FeatureBank.fit([plain])
        else:
            features = to_working_size(view.seen, working_size)
        shape = features.shape[1:]
        if model.label_values is not None:
            hierarchy = hierarchy.relabelled(model.label_values)
        shown = hierarchy.labels(model.n_labels)
        classes = np.searchsorted(values, shown).astype(np.int32)
        before = enlarge(classes, shape)
        known = shrink_painted(paint, shape)
        targets.append(mended(before + 1, known, features) - 1)
        changed = enlarge(targets[-1] != before, classes.shape)
        expected.append(np.where(changed, enlarge(targets[-1], classes.shape), classes))
    found = model.readout != "edges"
    return ScribbleTargets(values, targets, painted, expected[0] if found else None)


def _numbered(
    scribbles: Sequence[Labels | None],
    values: Labels,
    shapes: Sequence[tuple[int, ...]],
) -> list[Labels]:
    """Return scribbles with the number of a class, from 1, in place of its value."""
    return [
        np.zeros(shape, np.int32)
        if painted is None
        else np.where(painted > 0, np.searchsorted(values, painted) + 1, 0)
        for painted, shape in zip(scribbles, shapes, strict=True)
    ]

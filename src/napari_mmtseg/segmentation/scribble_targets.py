"""Training targets derived from scribbles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.features import FeatureBank
from napari_mmtseg.labels.discriminant import Discriminant
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.labels.scribbles import (
    free_values,
    painted_places,
    painted_values,
    shrink_painted,
)
from napari_mmtseg.progress import drain
from napari_mmtseg.segmentation.scribble_guess import corrected, other_classes, sample
from napari_mmtseg.segmentation.scribble_input import model_labels
from napari_mmtseg.segmentation.stroke_scale import region_weight
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel
    from napari_mmtseg.engine.model.image_view import ImageView

Labels = NDArray[np.int32]


@dataclass(frozen=True)
class ScribbleTargets:
    """Training targets derived from scribbles.

    `labels` (k,) are those of the classes, ascending; `classes` (Y, X) hold the class
    index of every pixel of every view, and `painted` (Y, X), at full size, that of
    painted pixels + 1, else 0. `expected` (Y, X) are class indices of the first image
    at full size, if the classes of a model stay except for what was painted. `guess`
    finds the classes from what the networks see, before they have learned anything, and
    `region_weight` is that of averages over regions against the pixel itself.
    """

    labels: Labels
    classes: list[Labels]
    painted: list[Labels]
    expected: Labels | None = None
    guess: Discriminant | None = None
    region_weight: float = 1.0


def targets_of_scribbles(
    views: Sequence[ImageView],
    scribbles: Sequence[Labels | None],
    settings: SegmentationSettings,
    bank: FeatureBank,
) -> ScribbleTargets:
    """Derive targets from scribbles alone, given at full size for every view.

    `bank` has made what is seen in the views.
    """
    labels = painted_values(list(scribbles))
    painted = _class_indices(
        scribbles, labels, [view.image.shape[1:] for view in views]
    )
    n_painted = len(labels)
    n_others: int | None = 0
    if settings.n_labels is not None:
        n_others = settings.n_labels - n_painted
    elif n_painted == 1:
        n_others = None
    small = [
        shrink_painted(paint, view.seen.shape[1:])
        for paint, view in zip(painted, views, strict=True)
    ]
    counts = bank.counts_by_scale(len(views[0].seen))
    weight = region_weight(views, small, counts, n_painted)
    samples: list[list[NDArray[np.float32]]] = [[] for _ in labels]
    for view, paint in zip(views, painted, strict=True):
        places, classes, _ = painted_places(paint, view.seen.shape[1:])
        pixels = view.seen.reshape(len(view.seen), -1)
        for c in np.unique(classes):
            samples[c - 1].append(pixels[:, places[classes == c]].T)
    if n_others != 0:
        others = _others(views, painted, n_painted, n_others, settings)
        n_found = max(int(other.max()) for other in others)
        labels = np.append(labels, free_values(labels, n_found))
        samples += [
            [sample(v.seen[:, o == c].T) for v, o in zip(views, others, strict=True)]
            for c in range(1, n_found + 1)
        ]
    guess = Discriminant.fit([np.concatenate(pixels) for pixels in samples], counts)
    targets = []
    for view, known in zip(views, small, strict=True):
        target = view.averaged(guess.probabilities(view.seen), weight).argmax(0)
        targets.append(np.where(known > 0, known - 1, target))
    # In the order of their labels from here on.
    rank = np.argsort(np.argsort(labels)).astype(np.int32)
    numbers = np.append(0, rank + 1).astype(np.int32)
    return ScribbleTargets(
        np.sort(labels),
        [rank[target] for target in targets],
        [numbers[paint] for paint in painted],
        guess=guess.reordered(np.argsort(labels)),
        region_weight=weight,
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
    clusters = warm_start(images, max(N_CLUSTERS, 2 * (n_painted + (n_others or 1))))
    pairs = zip(painted, images, strict=True)
    small = [shrink_painted(paint, image.shape[1:]) for paint, image in pairs]
    threshold = settings.merge_threshold
    return other_classes(clusters, images, small, n_painted, n_others, threshold)


def targets_of_model(
    views: Sequence[ImageView],
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Labels | None],
    model: MutualMeanTeachingModel,
    settings: SegmentationSettings,
) -> ScribbleTargets:
    """Derive targets from the classes of a model, corrected by scribbles.

    `images` are those of the views, raw. If all its classes were painted, and are
    painted again, the scribbles alone decide.
    """
    from napari_mmtseg.engine.examples import to_working_size

    working_size = settings.working_size
    values = painted_values(list(scribbles))
    bank = model.inference.texture
    given = model.painted is not None and model.painted.guess is not None
    painted_again = np.isin(model_labels(model), values).all()
    if given and painted_again and isinstance(bank, FeatureBank):
        all_of_them = settings.replace(n_labels=len(values))
        return targets_of_scribbles(views, scribbles, all_of_them, bank)
    labels = np.union1d(model_labels(model), values)
    labels = labels.astype(np.int32)
    painted = _class_indices(scribbles, labels, [image.shape[1:] for image in images])
    targets, expected, seen = [], [], []
    for view, raw, paint in zip(views, images, painted, strict=True):
        cached = model.recalled(raw)
        if cached is None:
            hierarchy = drain(model.iter_hierarchy(raw, channel_axis=0))
        else:
            hierarchy = cached.hierarchy
        if model.painted is None:
            plain = to_working_size(view.image, working_size)
            _, (features,) = FeatureBank.fit([plain])
        else:
            features = to_working_size(view.seen, working_size)
        shape = features.shape[1:]
        if model.label_values is not None:
            hierarchy = hierarchy.relabelled(model.label_values)
        shown = hierarchy.labels(model.n_labels)
        classes = np.searchsorted(labels, shown).astype(np.int32)
        before = enlarge(classes, shape)
        known = shrink_painted(paint, shape)
        targets.append(corrected(before + 1, known, features) - 1)
        seen.append(features)
        changed = enlarge(targets[-1] != before, classes.shape)
        expected.append(np.where(changed, enlarge(targets[-1], classes.shape), classes))
    if model.readout != "edges":
        return ScribbleTargets(labels, targets, painted, expected[0])
    guess, weight = None, 1.0
    if given and isinstance(bank, FeatureBank) and model.painted is not None:
        weight = model.painted.region_weight
        samples = [
            np.concatenate(
                [sample(f[:, t == c].T) for f, t in zip(seen, targets, strict=True)]
            )
            for c in range(len(labels))
        ]
        if all(map(len, samples)):
            guess = Discriminant.fit(samples, bank.counts_by_scale(len(seen[0])))
    return ScribbleTargets(labels, targets, painted, guess=guess, region_weight=weight)


def _class_indices(
    scribbles: Sequence[Labels | None],
    labels: Labels,
    shapes: Sequence[tuple[int, ...]],
) -> list[Labels]:
    """Return scribbles with the class index + 1 instead of the label."""
    return [
        np.zeros(shape, np.int32)
        if painted is None
        else np.where(painted > 0, np.searchsorted(labels, painted) + 1, 0)
        for painted, shape in zip(scribbles, shapes, strict=True)
    ]

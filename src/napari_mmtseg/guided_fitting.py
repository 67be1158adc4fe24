"""From raw images and painted pixels to a fitted model, step by step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.arrays import Normalization
from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.feature_bank import FeatureBank
from napari_mmtseg.fitting import Fitted, follow_training, predicting
from napari_mmtseg.guidance import Discriminant, mended, other_classes, sample
from napari_mmtseg.label_hierarchy import LabelHierarchy
from napari_mmtseg.progress import SegmentationStep, drain
from napari_mmtseg.regions import enlarge
from napari_mmtseg.scribbles import (
    free_values,
    painted_places,
    painted_values,
    shrink_painted,
)
from napari_mmtseg.settings import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model import MutualMeanTeachingModel
    from napari_mmtseg.engine.sight import View
    from napari_mmtseg.engine.training import TrainingStep

__all__ = ["check_classes", "guided_steps"]

Labels = NDArray[np.int32]

_RESUMED = 5
"""How many times fewer steps a model takes that is fitted already."""


@dataclass(frozen=True)
class _Lesson:
    """What is to be learned, as far as it is known before training.

    Attributes
    ----------
    values : (k,) ndarray of int32
        Label of every class.
    targets : list of (Y, X) ndarray of int32
        Class of every pixel of every view, 0..k-1.
    painted : list of (Y, X) ndarray of int32
        Class of painted pixels at full size, 1..k, else 0.
    """

    values: Labels
    targets: list[Labels]
    painted: list[Labels]


def check_classes(
    scribbles: Sequence[Labels | None],
    settings: SegmentationSettings,
    model: MutualMeanTeachingModel | None,
) -> None:
    """Refuse numbers of classes that do not go together.

    Raises
    ------
    InputError
        If nothing is painted and there is no model, or there are more classes than
        settings or networks allow.
    """
    values = painted_values(list(scribbles))
    if model is None:
        if not len(values):
            raise InputError(
                "The scribbles are empty: every pixel is 0. Paint at least one class "
                "with a number from 1."
            )
        if settings.n_labels is not None and len(values) > settings.n_labels:
            raise InputError(
                f"{len(values)} classes are painted, more than "
                f"n_labels={settings.n_labels}. Raise n_labels, or leave it automatic."
            )
    else:
        values = np.union1d(_model_values(model), values)
        if settings.n_labels not in (None, len(values)):
            raise InputError(
                f"n_labels={settings.n_labels} does not fit: the classes of the model "
                f"and the painted ones together are {len(values)}. Give n_labels="
                f"{len(values)}, or leave it automatic."
            )
        settings = model.settings
    if len(values) > settings.max_labels:
        raise InputError(
            f"{len(values)} classes are more than max_labels={settings.max_labels}, "
            "the response channels of the networks. "
            + ("Raise max_labels." if model is None else "Fit a new model.")
        )


def guided_steps(
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Labels | None],
    settings: SegmentationSettings,
    model: MutualMeanTeachingModel | None,
    preview_interval: float | None,
    should_cancel: Callable[[], bool] | None = None,
) -> Generator[SegmentationStep, str | None, Fitted]:
    """Fit a model to raw images (C, Y, X) of which some pixels are painted.

    Parameters
    ----------
    images : sequence of (C, Y, X) ndarray
        Raw images.
    scribbles : sequence of (Y, X) ndarray of int32 or None
        What is painted in each.
    settings : SegmentationSettings
        All settings.
    model : MutualMeanTeachingModel or None
        What to start from.
    preview_interval, should_cancel
        See :func:`napari_mmtseg.iter_segment`.
    """
    preparing = SegmentationStep("preparing", 0, settings.n_steps)
    stop = (yield preparing) == "stop"

    from napari_mmtseg.engine.cancellation import cancellable
    from napari_mmtseg.engine.device import choose_device, choose_precision
    from napari_mmtseg.engine.guided_training import freeze, make_guided, resumed_peers
    from napari_mmtseg.engine.sight import View
    from napari_mmtseg.engine.training import train

    def pause() -> Generator[SegmentationStep, str | None, bool]:
        answer = yield preparing
        if should_cancel is not None and should_cancel():
            raise Cancelled("The segmentation was cancelled.")
        return answer == "stop"

    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    views: list[View] = []
    if model is None:
        normalization, bank, prepared = _first_look(images, settings)
        stop = (yield from pause()) or stop
        for image, seen in prepared:
            views.append(View.of(image, seen))
            stop = (yield from pause()) or stop
        lesson = _first_lesson(views, scribbles, settings)
    else:
        normalization, bank = model.sight.normalization, model.sight.texture
        settings = settings.replace(
            max_labels=model.settings.max_labels,
            n_conv_layers=model.settings.n_conv_layers,
        )
        for raw in images:
            views.append(model.known_view(raw) or model.sight.view(raw))
            stop = (yield from pause()) or stop
        lesson = _next_lesson(views, images, scribbles, model)
    stop = (yield from pause()) or stop
    fast = settings if model is None else _resumed(settings)
    examples, groups = make_guided(
        views, lesson.targets, lesson.painted, len(lesson.values), fast, device, model
    )
    peers = None if model is None else resumed_peers(model, fast, device)
    channel_values = lesson.values[groups.argmax(0)]

    def preview(progress: TrainingStep) -> Labels:
        shape = images[0].shape[1:]
        labels = enlarge(channel_values[progress.targets.cpu().numpy()], shape)
        painted = scribbles[0]
        return labels if painted is None else np.where(painted > 0, painted, labels)

    trained = yield from follow_training(
        train(examples, fast, precision, should_cancel, peers),
        fast,
        preview,
        preview_interval,
        stop,
    )
    with cancellable(trained.networks, should_cancel):
        fitted = freeze(
            trained,
            examples,
            normalization,
            bank,
            settings,
            [view.image for view in views],
            lesson.values,
            groups,
        )
        hierarchy = None
        if len(images) == 1:
            fitted.remember(images[0], views[0])
            hierarchy = yield from predicting(
                fitted.iter_hierarchy(images[0], channel_axis=0),
                SegmentationStep("prediction", trained.n_steps, fast.n_steps),
            )
            hierarchy = _stamped(hierarchy, scribbles[0], fitted)
    return Fitted(
        fitted, hierarchy, trained.stop_reason, trained.n_steps, device.type, precision
    )


def _first_look(
    images: Sequence[NDArray[Any]], settings: SegmentationSettings
) -> tuple[Normalization, FeatureBank, list[tuple[NDArray[Any], NDArray[Any]]]]:
    """Return how images are seen, and them as they are and as they are seen."""
    from napari_mmtseg.engine.sight import shrink

    normalization = Normalization.fit(images, settings.color_space)
    normalized = [normalization.apply(image) for image in images]
    bank, seen = FeatureBank.fit(normalized, shrink)
    plain = [shrink(image) for image in normalized]
    return normalization, bank, list(zip(plain, seen, strict=True))


def _first_lesson(
    views: Sequence[View],
    scribbles: Sequence[Labels | None],
    settings: SegmentationSettings,
) -> _Lesson:
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
        target = view.averaged(guess.probabilities(view.seen)).astype(np.int32)
        known = shrink_painted(paint, target.shape)
        targets.append(np.where(known > 0, known - 1, target))
    return _Lesson(values, targets, painted)


def _others(
    views: Sequence[View],
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


def _next_lesson(
    views: Sequence[View],
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Labels | None],
    model: MutualMeanTeachingModel,
) -> _Lesson:
    values = np.union1d(_model_values(model), painted_values(list(scribbles)))
    values = values.astype(np.int32)
    painted = _numbered(scribbles, values, [image.shape[1:] for image in images])
    targets = []
    for view, raw, paint in zip(views, images, painted, strict=True):
        shown = drain(model.iter_hierarchy(raw, channel_axis=0)).shown()
        before = enlarge(shown, view.image.shape[1:])
        known = shrink_painted(paint, before.shape)
        features = view.seen
        if model.given is None:
            _, (features,) = FeatureBank.fit([view.image])
        classes = np.searchsorted(values, before).astype(np.int32) + 1
        targets.append(mended(classes, known, features) - 1)
    return _Lesson(values, targets, painted)


def _numbered(
    scribbles: Sequence[Labels | None],
    values: Labels,
    shapes: Sequence[tuple[int, ...]],
) -> list[Labels]:
    """Return the scribbles with the number of a class, from 1, in place of its value."""
    return [
        np.zeros(shape, np.int32)
        if painted is None
        else np.where(painted > 0, np.searchsorted(values, painted) + 1, 0)
        for painted, shape in zip(scribbles, shapes, strict=True)
    ]


def _model_values(model: MutualMeanTeachingModel) -> Labels:
    if model.label_values is not None:
        return model.label_values
    return np.arange(1, model.n_labels + 1, dtype=np.int32)


def _resumed(settings: SegmentationSettings) -> SegmentationSettings:
    """Return settings with far fewer steps."""
    return settings.replace(
        n_steps=-(-settings.n_steps // _RESUMED),
        warm_start_steps=-(-settings.warm_start_steps // _RESUMED),
    )


def _stamped(
    hierarchy: LabelHierarchy, painted: Labels | None, model: MutualMeanTeachingModel
) -> LabelHierarchy:
    """Return the hierarchy with every painted pixel as it was painted."""
    if painted is None or model.given is None:
        return hierarchy
    kept = painted > 0
    leaves = hierarchy.leaves.copy()
    leaves[kept] = np.searchsorted(model.given.values, painted[kept])
    return dataclasses.replace(hierarchy, leaves=leaves, kept=kept)

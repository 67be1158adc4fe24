"""From raw images and painted pixels to a fitted model, step by step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import Cancelled
from napari_mmtseg.images.features import FeatureBank
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.notices import warn
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.previews import Preview, Shown
from napari_mmtseg.segmentation.scribble_input import model_values
from napari_mmtseg.segmentation.scribble_targets import first_lesson, next_lesson
from napari_mmtseg.segmentation.training import (
    Fitted,
    fit_steps,
    follow_training,
    normalize_images,
    predicting,
)
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel
    from napari_mmtseg.engine.model.image_view import ImageView
    from napari_mmtseg.engine.training import TrainingStep
    from napari_mmtseg.images.features import Texture

__all__ = ["fit_or_guide", "guided_steps"]

Labels = NDArray[np.int32]

_RESUMED, _EXTENDED = 8, 4
"""How many times fewer steps a fitted model takes, without and with new classes."""


def fit_or_guide(
    images: Sequence[NDArray[Any]],
    painted: list[Labels | None] | None,
    settings: SegmentationSettings,
    model: MutualMeanTeachingModel | None,
    preview_interval: float | None,
    should_cancel: Callable[[], bool] | None,
    shown: Shown | None = None,
    anisotropy: float = 1.0,
) -> Generator[SegmentationStep, str | None, Fitted]:
    """Fit a model, guided where something is painted or there is a model to start from.

    Parameters are those of :func:`guided_steps` and
    :func:`~napari_mmtseg.segmentation.training.fit_steps`; `painted` is None for a run
    without scribbles.
    """
    if painted is None:
        return fit_steps(
            images, settings, preview_interval, should_cancel, shown, anisotropy
        )
    return guided_steps(
        images, painted, settings, model, preview_interval, should_cancel
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
    from napari_mmtseg.engine.model.freezing import freeze
    from napari_mmtseg.engine.model.image_view import CachedResult, ImageView
    from napari_mmtseg.engine.model.retraining import make_guided, resumed_peers
    from napari_mmtseg.engine.training import train

    def pause() -> Generator[SegmentationStep, str | None, bool]:
        answer = yield preparing
        if should_cancel is not None and should_cancel():
            raise Cancelled("The segmentation was cancelled.")
        return answer == "stop"

    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    views: list[ImageView] = []
    bank: Texture | FeatureBank
    if model is None:
        normalization, bank, prepared = _first_look(images, settings)
        stop = (yield from pause()) or stop
        for image, seen in prepared:
            views.append(ImageView(image, seen))
            views[-1].find_regions()
            stop = (yield from pause()) or stop
        lesson = first_lesson(views, scribbles, settings)
        if len(lesson.values) < (settings.n_labels or 0):
            warn(
                f"Only {len(lesson.values)} of the {settings.n_labels} classes that "
                "were asked for are there beside the painted ones."
            )
    else:
        normalization, bank = model.inference.normalization, model.inference.texture
        settings = settings.replace(
            max_labels=model.settings.max_labels,
            n_conv_layers=model.settings.n_conv_layers,
        )
        for raw in images:
            known = model.recalled(raw)
            view = known.view if known is not None else None
            views.append(view or model.inference.at(raw).view(raw))
            stop = (yield from pause()) or stop
        lesson = next_lesson(views, images, scribbles, model, settings.working_size)
    stop = (yield from pause()) or stop
    fast = settings
    if model is not None:
        extended = len(lesson.values) > len(model_values(model))
        fast = _shortened(settings, _EXTENDED if extended else _RESUMED)
    examples, groups = make_guided(
        views, lesson.targets, lesson.painted, len(lesson.values), fast, device, model
    )
    peers = (
        None if model is None else resumed_peers(model, examples, groups, fast, device)
    )
    channel_values = lesson.values[groups.argmax(0)]

    def preview(progress: TrainingStep) -> Preview | None:
        if progress.example != 0:
            return None
        shape = images[0].shape[1:]
        labels = enlarge(channel_values[progress.targets.cpu().numpy()], shape)
        painted = scribbles[0]
        if painted is not None:
            labels = np.where(painted > 0, painted, labels)
        return labels, ()

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
            lesson.targets,
            lesson.values,
            groups,
            "edges" if model is None else model.readout,
        )
        hierarchy = None
        if len(images) == 1:
            hierarchy = yield from predicting(
                fitted.iter_given(images[0], views[0], lesson.expected),
                SegmentationStep("prediction", trained.n_steps, fast.n_steps),
            )
            hierarchy = _stamped(hierarchy, scribbles[0], fitted)
            fitted.memory = CachedResult.of(images[0], hierarchy, views[0])
    return Fitted(
        fitted, hierarchy, trained.stop_reason, trained.n_steps, device.type, precision
    )


def _first_look(
    images: Sequence[NDArray[Any]], settings: SegmentationSettings
) -> tuple[Normalization, FeatureBank, list[tuple[NDArray[Any], NDArray[Any]]]]:
    """Return how images are seen, and them as they are and as they are seen."""
    from napari_mmtseg.engine.model.image_view import shrink

    normalization, normalized = normalize_images(images, settings)
    bank, seen = FeatureBank.fit(normalized, shrink)
    plain = [shrink(image) for image in normalized]
    return normalization, bank, list(zip(plain, seen, strict=True))


def _shortened(settings: SegmentationSettings, times: int) -> SegmentationSettings:
    """Return settings with so many times fewer steps."""
    return settings.replace(
        n_steps=-(-settings.n_steps // times),
        warm_start_steps=-(-settings.warm_start_steps // times),
    )


def _stamped(
    hierarchy: LabelHierarchy, painted: Labels | None, model: MutualMeanTeachingModel
) -> LabelHierarchy:
    """Return the hierarchy with every painted pixel as it was painted."""
    if painted is None or model.given is None:
        return hierarchy
    kept = painted > 0
    clusters = hierarchy.clusters.copy()
    clusters[kept] = np.searchsorted(model.given.values, painted[kept])
    return dataclasses.replace(hierarchy, clusters=clusters, kept=kept)

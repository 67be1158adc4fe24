"""From raw images and scribbles to a fitted model, step by step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.features import FeatureBank
from napari_mmtseg.images.illumination import Illumination
from napari_mmtseg.images.light_field import whole
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.notices import warn
from napari_mmtseg.progress import SegmentationStep, Steps, relay
from napari_mmtseg.segmentation.previews import Preview, Shown
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.scribble_input import model_labels
from napari_mmtseg.segmentation.scribble_targets import (
    ScribbleTargets,
    targets_of_model,
    targets_of_scribbles,
)
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
    from napari_mmtseg.images.texture import AnyTexture

Labels = NDArray[np.int32]

_LEARNED = 75
"""Percent of the steps, at least, in which networks first learn the guess."""

_RESUMED, _EXTENDED = 8, 4
"""Divisor of the number of steps for a fitted model, without and with new classes."""


def train_model(
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Labels | None] | None,
    request: SegmentationRequest,
    shown: Shown | None = None,
) -> Steps[Fitted]:
    """Fit a model to raw images, with scribbles and a model to start from if given.

    `scribbles` are None for a run without any and without a model; `shown` is as for
    :func:`~napari_mmtseg.segmentation.training.fit_steps`.
    """
    if scribbles is None:
        return fit_steps(images, request, shown)
    return _fit_scribbles(images, scribbles, request)


def _fit_scribbles(
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Labels | None],
    request: SegmentationRequest,
) -> Steps[Fitted]:
    model, should_cancel = request.model, request.should_cancel
    preparing = SegmentationStep("preparing", 0, request.settings.n_steps)
    stop = (yield preparing) == "stop"

    from napari_mmtseg.engine.cancellation import cancellable
    from napari_mmtseg.engine.device import choose_device, choose_precision
    from napari_mmtseg.engine.model.from_training import model_from_training
    from napari_mmtseg.engine.model.image_view import CachedResult
    from napari_mmtseg.engine.model.retraining import (
        make_scribble_examples,
        resumed_peers,
    )
    from napari_mmtseg.engine.training import train

    def report(_: None) -> Iterable[SegmentationStep]:
        yield preparing
        request.check_cancel()

    settings = fast = request.settings
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    answers: list[str] = []
    if model is None:
        look = _look(images, scribbles, request)
    else:
        look = _look_again(images, scribbles, settings, model)
    seen = yield from relay(look, report, stop, answers)
    stop = stop or bool(answers)
    views, targets, n_classes = seen.views, seen.targets, len(seen.targets.labels)
    if model is not None:
        settings = settings.replace(
            max_labels=model.settings.max_labels,
            n_conv_layers=model.settings.n_conv_layers,
        )
        times = _EXTENDED if n_classes > len(model_labels(model)) else _RESUMED
        fast = settings.replace(
            n_steps=-(-settings.n_steps // times),
            warm_start_steps=-(-settings.warm_start_steps // times),
        )
    examples, groups = make_scribble_examples(
        views, targets.classes, targets.painted, n_classes, fast, device, model
    )
    peers = None
    if model is not None:
        peers = resumed_peers(model, examples, groups, fast, device)
    elif settings.warm_start_steps:
        learned = max(settings.warm_start_steps, _LEARNED * settings.n_steps // 100)
        fast = settings.replace(warm_start_steps=learned)
    trained = yield from follow_training(
        train(examples, fast, precision, should_cancel, peers),
        fast,
        _previews(targets.labels[groups.argmax(0)], images[0], scribbles[0]),
        request.preview_interval,
        stop,
    )
    with cancellable(trained.networks, should_cancel):
        fitted = model_from_training(
            trained,
            examples,
            seen.normalization,
            seen.texture,
            settings,
            [view.image for view in views],
            targets.classes,
            targets.labels,
            groups,
            "edges" if model is None else model.readout,
            request.illumination or seen.illumination,
            targets.guess,
            targets.region_weight,
        )
        hierarchy = None
        if len(images) == 1:
            hierarchy = yield from predicting(
                fitted.iter_painted(images[0], views[0], targets.expected),
                SegmentationStep("prediction", trained.n_steps, fast.n_steps),
            )
            hierarchy = _stamped(hierarchy, scribbles[0], fitted)
            fitted.memory = CachedResult.of(images[0], hierarchy, views[0])
    return Fitted(
        fitted, hierarchy, trained.stop_reason, trained.n_steps, device.type, precision
    )


class _Seen(NamedTuple):
    """Images as the networks see them, and their training targets."""

    illumination: Illumination
    normalization: Normalization
    texture: AnyTexture | FeatureBank
    views: list[ImageView]
    targets: ScribbleTargets


def _look(
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Labels | None],
    request: SegmentationRequest,
) -> Generator[None, Any, _Seen]:
    """Derive targets from scribbles alone, with a pause after every image."""
    from napari_mmtseg.engine.model.image_view import ImageView, shrink

    settings = request.settings
    light, _, normalization, normalized = normalize_images(images, request)
    bank, features = FeatureBank.fit(normalized, shrink)
    yield
    views = []
    for image, seen in zip(normalized, features, strict=True):
        views.append(ImageView(shrink(image), seen))
        views[-1].find_regions()
        yield
    targets = targets_of_scribbles(views, scribbles, settings, bank)
    yield
    if len(targets.labels) < (settings.n_labels or 0):
        warn(
            f"Only {len(targets.labels)} of the {settings.n_labels} classes that were "
            "asked for were found, the painted ones included."
        )
    return _Seen(light, normalization, bank, views, targets)


def _look_again(
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Labels | None],
    settings: SegmentationSettings,
    model: MutualMeanTeachingModel,
) -> Generator[None, Any, _Seen]:
    """Derive targets from the classes of a model, with a pause after every image."""
    views = []
    for raw in images:
        cached = model.recalled(raw)
        view = cached.view if cached is not None else None
        views.append(view or model.inference.for_image(whole(raw)).view(raw))
        yield
    targets = targets_of_model(views, images, scribbles, model, settings)
    yield
    inference = model.inference
    return _Seen(
        inference.illumination,
        inference.normalization,
        inference.texture,
        views,
        targets,
    )


def _previews(
    channel_labels: Labels, image: NDArray[Any], painted: Labels | None
) -> Callable[[TrainingStep], Preview | None]:
    """Return previews of the training targets of the first image."""

    def preview(progress: TrainingStep) -> Preview | None:
        if progress.example != 0:
            return None
        clusters = progress.targets.cpu().numpy()
        labels = enlarge(channel_labels[clusters], image.shape[1:])
        if painted is not None:
            labels = np.where(painted > 0, painted, labels)
        return labels, ()

    return preview


def _stamped(
    hierarchy: LabelHierarchy, painted: Labels | None, model: MutualMeanTeachingModel
) -> LabelHierarchy:
    """Return the hierarchy with every painted pixel as it was painted."""
    if painted is None or model.painted is None:
        return hierarchy
    kept = painted > 0
    clusters = hierarchy.clusters.copy()
    clusters[kept] = np.searchsorted(model.painted.values, painted[kept])
    return dataclasses.replace(hierarchy, clusters=clusters, kept=kept)

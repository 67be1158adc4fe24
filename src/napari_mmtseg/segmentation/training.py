"""From raw images to a fitted model, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.features import Texture
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.notices import warn
from napari_mmtseg.progress import SegmentationStep, Steps, relay
from napari_mmtseg.segmentation.previews import (
    Preview,
    Shown,
    first_image_previews,
    shown_previews,
)
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.structure import Structure, find_structure
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel
    from napari_mmtseg.engine.training import Trained, TrainingStep

_SEVERAL = 2
"""Factor on the number of steps for several images, as a step teaches one."""

_R = TypeVar("_R")


@dataclass(frozen=True)
class Fitted:
    """A fitted model and its training; the labels of the image if they were found."""

    model: MutualMeanTeachingModel
    hierarchy: LabelHierarchy | None
    stop_reason: str
    n_steps: int
    device: str
    precision: str


def fit_steps(
    images: Sequence[NDArray[Any]],
    request: SegmentationRequest,
    shown: Shown | None = None,
) -> Steps[Fitted]:
    """Fit a model to raw images (C, Y, X) or volumes (C, Z, Y, X).

    `shown` returns the position and the raw pixels of what previews show, or None if
    nothing can be shown; without it previews show the first image.
    """
    settings = asked = request.settings
    should_cancel, anisotropy = request.should_cancel, request.anisotropy
    if len(images) > 1:
        settings = settings.replace(n_steps=_SEVERAL * settings.n_steps)
    n_steps = settings.n_steps
    stop = (yield SegmentationStep("preparing", 0, n_steps)) == "stop"
    normalization, normalized = normalize_images(images, settings)
    stop = (yield SegmentationStep("preparing", 0, n_steps)) == "stop" or stop

    from napari_mmtseg.engine.cancellation import cancellable
    from napari_mmtseg.engine.device import choose_device, choose_precision
    from napari_mmtseg.engine.examples import make_examples, to_working_size
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel
    from napari_mmtseg.engine.model.from_training import readout_from_training
    from napari_mmtseg.engine.network import network_depth
    from napari_mmtseg.engine.training import make_peers, train

    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    small = [
        to_working_size(image, settings.working_size, anisotropy)
        for image in normalized
    ]
    structure = _structure(small, settings)
    texture = Texture.fit(normalized, structure.texture, settings.texture_scale)
    seen = [texture.apply(image) for image in normalized]
    examples = make_examples(seen, settings, device, anisotropy)
    n_dims = images[0].ndim - 1
    depth = network_depth(n_dims, settings.n_conv_layers, anisotropy)
    peers = make_peers(examples[0].image.shape[1], settings, device, depth)
    if shown is None:
        preview = first_image_previews(
            examples[0], structure, settings, images[0].shape[1:]
        )
    else:
        preview = shown_previews(peers[0], normalization, texture, settings, shown)
    trained = yield from follow_training(
        train(examples, settings, precision, should_cancel, peers),
        settings,
        preview,
        request.preview_interval,
        stop,
    )
    with cancellable(trained.networks, should_cancel):
        pixels = [example.image for example in examples]
        known = readout_from_training(trained, pixels, normalization, texture, asked)
        model = MutualMeanTeachingModel(known, asked)
        hierarchy = None
        predicted = SegmentationStep("prediction", trained.n_steps, n_steps)
        if texture.weight and n_dims == 2:
            hierarchy = yield from predicting(
                known.measure_averaged(images, asked), predicted
            )
        if structure.merging == "regions":
            hierarchy = yield from predicting(
                known.fit_regions(images[0], asked), predicted
            )
    if settings.n_labels is not None and model.n_labels < settings.n_labels:
        warn(
            f"Training left only {model.n_labels} of the {settings.n_labels} classes "
            "that were asked for. A lower smoothness (continuity_weight) or another "
            "seed may keep more."
        )
    return Fitted(
        model, hierarchy, trained.stop_reason, trained.n_steps, device.type, precision
    )


def normalize_images(
    images: Sequence[NDArray[Any]], settings: SegmentationSettings
) -> tuple[Normalization, list[NDArray[np.float32]]]:
    """Return the normalisation of raw images (C, Y, X) and the normalised images."""
    normalization = Normalization.fit(images, settings.color_space)
    # Crops of one stack come with "together".
    normalization = replace(normalization, each=settings.normalization != "together")
    return normalization, [normalization.of(image).apply(image) for image in images]


def follow_training(
    training: Generator[TrainingStep, str | None, Trained],
    settings: SegmentationSettings,
    preview: Callable[[TrainingStep], Preview | None],
    preview_interval: float | None,
    stop: bool,
) -> Steps[Trained]:
    """Run a training to its end and report its progress.

    `preview` returns labels made from a step, and their place in a stack; `stop` ends
    the training after one step.
    """
    last_preview = -float("inf")

    def messages(progress: TrainingStep) -> Iterable[SegmentationStep]:
        nonlocal last_preview
        now = time.perf_counter()
        due = preview_interval is not None and now - last_preview >= preview_interval
        made = preview(progress) if due else None
        if made is not None:
            last_preview = now
        labels, index = made or (None, ())
        warm = progress.step <= settings.warm_start_steps
        yield SegmentationStep(
            "warm start" if warm else "mutual teaching",
            progress.step,
            settings.n_steps,
            float(progress.losses.similarity),
            float(progress.losses.continuity),
            progress.n_labels,
            labels,
            index,
        )

    return relay(training, messages, stop)


def predicting(
    prediction: Generator[float, Any, _R], step: SegmentationStep
) -> Steps[_R]:
    """Run a prediction to its end, yielding `step` before and after each part."""
    yield step
    return (yield from relay(prediction, lambda _: [step]))


def _structure(
    small: Sequence[NDArray[np.float32]], settings: SegmentationSettings
) -> Structure:
    """Decide by the first image; regions have a meaning only within one image.

    If regions are asked for, those of the first image make the classes of all.
    """
    from napari_mmtseg.engine.examples import N_CLUSTERS, warm_start

    if small[0].ndim == 4:
        # Regions and texture are those of a plane.
        return Structure("classes", settings.texture or 0.0)
    if settings.merging != "auto" and settings.texture is not None:
        return Structure(settings.merging, settings.texture)
    (clusters,) = warm_start(small[:1], N_CLUSTERS)
    structure = find_structure(small[0], clusters, settings)
    if len(small) > 1 and settings.merging == "auto":
        structure = Structure("classes", structure.texture)
    return structure

"""From raw images to a fitted model, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.area import fill_outside, without_outside
from napari_mmtseg.images.colours import has_one_colour, is_photograph
from napari_mmtseg.images.illumination import Illumination
from napari_mmtseg.images.light_field import whole
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.texture import Texture
from napari_mmtseg.labels.background import find_background
from napari_mmtseg.labels.class_number import count_classes, shows_nothing
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
    from napari_mmtseg.engine.training import Example, Trained, TrainingStep

_SEVERAL, _SEVERAL_WARM = 4, 3
"""Factors on the number of steps for several images, as a step teaches one: on all
steps, and on those of the warm start."""

_LOOKED_AT = 6
"""Number of images in which background is looked for, at most."""

_R = TypeVar("_R")


@dataclass(frozen=True)
class Fitted:
    """A fitted model and its training; the labels of the image if they were found.

    `even` is the only image under even light, so that its light is looked for once.
    `background` is the class, from 0, dark to bright, that is background in a stack.
    """

    model: MutualMeanTeachingModel
    hierarchy: LabelHierarchy | None
    stop_reason: str
    n_steps: int
    device: str
    precision: str
    even: NDArray[Any] | None = None
    background: int | None = None


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
        settings = settings.replace(
            n_steps=_SEVERAL * settings.n_steps,
            warm_start_steps=_SEVERAL_WARM * settings.warm_start_steps,
        )
    n_steps = settings.n_steps
    stop = (yield SegmentationStep("preparing", 0, n_steps)) == "stop"
    light, even, normalization, normalized = normalize_images(images, request)
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
    structure = _structure(small, settings, even).with_window(normalized[0], settings)
    texture, seen = structure.features(normalized)
    examples = make_examples(seen, settings, device, anisotropy)
    automatic = _automatic_number(
        small, normalization, examples, settings, structure.n_textures
    )
    n_dims = images[0].ndim - 1
    depth = network_depth(n_dims, settings.n_conv_layers, anisotropy)
    peers = make_peers(examples, settings, device, depth)
    if shown is None:
        preview = first_image_previews(
            examples[0], structure, settings, images[0].shape[1:], automatic
        )
    else:
        preview = shown_previews(
            peers[0], normalization, texture, settings, shown, automatic
        )
    trained = yield from follow_training(
        train(examples, settings, precision, should_cancel, peers),
        settings,
        preview,
        request.preview_interval,
        stop,
    )
    with cancellable(trained.networks, should_cancel):
        pixels = [example.image for example in examples]
        known = readout_from_training(
            trained, pixels, normalization, texture, asked, automatic
        )
        model = MutualMeanTeachingModel(known, asked)
        hierarchy = None
        predicted = SegmentationStep("prediction", trained.n_steps, n_steps)
        # Under a wide window no border lies on an edge.
        if isinstance(texture, Texture) and texture.weight and n_dims == 2:
            hierarchy = yield from predicting(
                known.measure_averaged(even, asked), predicted
            )
        if structure.merging == "regions":
            hierarchy = yield from predicting(
                known.fit_regions(even[0], asked), predicted
            )
    # From here on for raw images; what was measured above is under even light.
    known.inference = replace(known.inference, illumination=light)
    if settings.n_labels is not None and model.n_labels < settings.n_labels:
        warn(
            f"Training left only {model.n_labels} of the {settings.n_labels} classes "
            "that were asked for. A lower smoothness (continuity_weight) or another "
            "seed may keep more."
        )
    return Fitted(
        model,
        hierarchy,
        trained.stop_reason,
        trained.n_steps,
        device.type,
        precision,
        even[0] if len(even) == 1 else None,
    )


def background_class(
    model: MutualMeanTeachingModel,
    images: Sequence[NDArray[Any]],
    request: SegmentationRequest,
) -> Steps[int | None]:
    """Find the class of a new model, from 0, that is background in raw images.

    Some of the images (C, [Z,] Y, X) are labelled for it. None for classes that are
    painted or those of an earlier model: they have their labels.
    """
    settings = request.settings
    if settings.background == "none" or model.label_values is not None:
        return None
    step = SegmentationStep("prediction", settings.n_steps, settings.n_steps)
    some = images[:: -(-len(images) // _LOOKED_AT)]
    labels = []
    for image in some:
        finding = model.iter_hierarchy(image, channel_axis=0)
        hierarchy = yield from predicting(finding, step)
        request.check_cancel()
        labels.append(hierarchy.classes().astype(np.int64) + 1)
    found = find_background(labels, some, settings.background)
    return None if found is None else found - 1


class NormalizedImages(NamedTuple):
    """Images under even light (C, Y, X), and the same normalised."""

    illumination: Illumination
    even: list[NDArray[Any]]
    normalization: Normalization
    normalized: list[NDArray[np.float32]]


def normalize_images(
    images: Sequence[NDArray[Any]], request: SegmentationRequest
) -> NormalizedImages:
    """Take uneven light out of raw images (C, Y, X), and normalise them.

    That of a stack, found before its crops were read, is taken out already.
    """
    settings = request.settings
    # Crops of one stack come with "together".
    each = settings.normalization != "together"
    light, even = request.illumination, list(images)
    if light is None:
        areas = request.areas() if request.is_whole else [None] * len(images)
        parts = [
            whole(without_outside(image, area))
            for image, area in zip(images, areas, strict=True)
        ]
        light = Illumination.fit(parts[:1] if each else parts, settings.illumination)
        light = replace(light, each=each)
        lights = [light, *(light.of(part) for part in parts[1:])]
        even = [own.apply(image) for own, image in zip(lights, images, strict=True)]
        even = [
            image if area is None else fill_outside(image, area)
            for image, area in zip(even, areas, strict=True)
        ]
    normalization = Normalization.fit(even, settings.color_space, settings.value_range)
    normalization = replace(normalization, each=each)
    if len(even) == 1:  # its own values are those of all
        normalized = [normalization.apply(even[0])]
    else:
        normalized = [normalization.of(image).apply(image) for image in even]
    return NormalizedImages(light, even, normalization, normalized)


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
            "warm start" if warm else "teaching",
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


def _automatic_number(
    small: Sequence[NDArray[np.float32]],
    normalization: Normalization,
    examples: Sequence[Example],
    settings: SegmentationSettings,
    n_textures: int,
) -> int:
    """Return the class count that the images support, the same for every seed."""
    from napari_mmtseg.engine.examples import N_CLUSTERS, warm_start

    if settings.merge_threshold >= 1:
        return settings.max_labels  # all clusters
    if all(shows_nothing(image) for image in small):
        if settings.n_labels is None:
            warn(
                "The image is flat or pure noise: nothing in it tells classes apart, "
                "so it has one. Give a number of classes to divide it nevertheless."
            )
        return 1
    if n_textures > 1:
        return max(n_textures, settings.min_labels)
    seen = [example.image[0].cpu().numpy() for example in examples]
    starts = [e.start.cpu().numpy() for e in examples if e.start is not None]
    starts = starts or warm_start(seen, N_CLUSTERS)
    found: int = count_classes(starts, seen, settings.merge_threshold)
    # At least the empty field and each stain.
    return max(found, settings.min_labels, len(normalization.spectra) + 1)


def _structure(
    small: Sequence[NDArray[np.float32]],
    settings: SegmentationSettings,
    even: Sequence[NDArray[Any]],
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
    first = even[0]
    grey = len(first) == 1 or (len(first) == 3 and has_one_colour(first))
    structure = find_structure(
        small[0], clusters, settings, grey=grey, photograph=is_photograph(first)
    )
    if len(small) > 1 and settings.merging == "auto":
        structure = Structure("classes", structure.texture)
    return structure

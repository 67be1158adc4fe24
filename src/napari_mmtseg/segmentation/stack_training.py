"""One model for a stack or a large image, trained on crops of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.crops import sample_crops
from napari_mmtseg.images.drift import brightness_drift
from napari_mmtseg.images.illumination import Illumination
from napari_mmtseg.images.light_field import Part, part_of, whole
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.notices import warn
from napari_mmtseg.progress import SegmentationStep, Steps, relay
from napari_mmtseg.segmentation.previews import PREVIEW_SIDE, Shown
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.scribble_input import (
    PaintedCrop,
    painted_crops,
    read_all_scribbles,
)
from napari_mmtseg.segmentation.scribble_training import train_model
from napari_mmtseg.segmentation.structure import focus_differs
from napari_mmtseg.segmentation.training import Fitted, background_class

_FOCUS_SCALE = 2.0
"""Standard deviation in pixels of the window that focus is measured in."""


def fit_stacks(request: SegmentationRequest) -> Steps[Fitted]:
    """Fit one model to crops of all stacks; previews show the first stack."""
    settings, stack = request.settings, request.stack
    if settings.merging == "auto":
        settings = settings.replace(merging="classes")  # regions end with their crop
    if settings.normalization == "auto":
        settings = settings.replace(normalization=_normalization(request))
    preparing = SegmentationStep(
        "preparing", 0, settings.n_steps, n_slices=stack.n_frames
    )
    stop = (yield preparing) == "stop"
    parts, scribbles, first = _read_crops(request)
    model = request.model
    if model is None:
        light = Illumination.fit(parts, settings.illumination)
    else:
        light, model = model.inference.illumination, model.under_even_light()
    crops = [light.apply(*part) for part in parts]
    request = replace(request, illumination=light, model=model)
    stack = replace(stack, illumination=light)  # for previews
    painted = read_all_scribbles(crops, scribbles, replace(request, settings=settings))
    if painted is None and settings.texture is None and _is_focus(stack, crops):
        settings = settings.replace(texture=0.0)
    request = replace(request, settings=settings)

    def messages(step: SegmentationStep) -> Iterable[SegmentationStep]:
        step = replace(step, n_slices=stack.n_frames)
        if painted is not None and step.labels is not None:
            # They are those of the first crop, and can be shown if it is a frame.
            is_frame = first is not None and step.labels.shape == stack.first.shape[1:]
            index = first.location.index if first is not None else ()
            labels = step.labels if is_frame else None
            step = replace(step, labels=labels, index=index)
        return [step]

    steps = train_model(crops, painted, request, _shown(stack, request))
    fitted = yield from relay(steps, messages, stop)
    even = fitted.model.under_even_light()
    looking = background_class(even, crops, request)
    background = yield from relay(looking, messages)
    return replace(fitted, background=background)


def _normalization(request: SegmentationRequest) -> str:
    """Return how slices are normalised: together, unless their brightness drifts."""
    if len(request.stacks) > 1 or request.has_scribbles or request.model is not None:
        return "together"
    drift = brightness_drift(request.stack, request.check_cancel)
    if drift is None:
        return "together"
    axis, ratio = drift
    warn(
        f"Brightness drifts along {axis} (contrast at the end {ratio:.0%} of that at "
        "the beginning): every slice is normalised by its own values. "
        "normalization=together takes the values as they are."
    )
    return "each"


def _read_crops(
    request: SegmentationRequest,
) -> tuple[list[Part], list[Any], PaintedCrop | None]:
    """Return crops and examples, their scribbles, and the first crop that has some."""
    settings = request.settings
    n, side = settings.n_crops, settings.crop_size
    crops: list[Part] = []
    scribbles: list[Any] = []
    first: PaintedCrop | None = None
    for stack, painted in zip(request.stacks, request.scribbles, strict=True):
        if painted is None:
            continue
        for crop in painted_crops(stack, painted, n, side, request.check_cancel):
            request.check_cancel()
            first = first or crop
            pixels = np.array(stack.read(crop.location))
            crops.append(part_of(pixels, crop.location.window, stack.first.shape))
            scribbles.append(crop.scribbles)
    if first is None and request.has_scribbles:
        raise InputError(
            "Nothing is painted: all scribbles are 0. Paint a few strokes of every "
            "class, or leave the scribbles out."
        )
    n_painted = len(crops)
    crops += [whole(image) for image, _ in request.examples]
    scribbles += [painted for _, painted in request.examples]
    if first is None or settings.n_labels is not None:
        # Classes besides the painted ones may lie anywhere.
        each = max((n - n_painted) // len(request.stacks), 1)
        for stack in request.stacks:
            crops += sample_crops(stack, each, side, request.check_cancel)
        scribbles += [None] * (len(crops) - len(scribbles))
    return crops, scribbles, first


def _is_focus(stack: ImageStack, crops: Sequence[NDArray[Any]]) -> bool:
    """Return whether texture is only the focus of slices, if crops are whole slices."""
    shape = stack.first.shape
    whole = shape[0] == 1 and len(shape) == 3 and len(crops) > 1
    return (
        whole
        and all(crop.shape == shape for crop in crops)
        and focus_differs(crops, _FOCUS_SCALE)
    )


def _shown(stack: ImageStack, request: SegmentationRequest) -> Shown | None:
    """Return a function that reads the slice that previews show, once per change."""
    if request.preview_interval is None:
        return None
    shown = request.shown or (lambda: (0,) * len(stack.lead))
    last: tuple[Any, Any] = None, None

    def read() -> tuple[tuple[int, ...], NDArray[Any]] | None:
        nonlocal last
        index = tuple(shown())
        frame = stack.frame(index)
        if frame.is_large or max(frame.shape[1:]) > PREVIEW_SIDE:
            return None
        if last[0] != index:
            last = index, frame.read()
        return last

    return read

"""One image looked at as a whole: from its pixels to its labels."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.labels.background import find_background, with_background
from napari_mmtseg.labels.hierarchy import without_gaps
from napari_mmtseg.labels.regions import consecutive, count_values
from napari_mmtseg.labels.store import store_labels
from napari_mmtseg.progress import SegmentationStep, Steps, relay
from napari_mmtseg.segmentation.baseline import iter_baseline
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.result import SegmentationResult
from napari_mmtseg.segmentation.scribble_input import read_all_scribbles
from napari_mmtseg.segmentation.scribble_training import train_model
from napari_mmtseg.segmentation.training import Fitted, predicting
from napari_mmtseg.settings.fields import SegmentationSettings

_FOUND = ("auto", "darkest", "brightest")
"""Kinds of background that are looked for in the image."""


def segment_image(request: SegmentationRequest) -> Steps[SegmentationResult]:
    """Segment the only image of a request; its pixels are read and checked at once."""
    request.check_one_image()
    stack = request.stack
    images = request.read_images()
    scribbles = read_all_scribbles(images, request.all_scribbles(), request)
    if request.settings.method == "mmt":
        training = train_model(images, scribbles, request)
        if scribbles is None and request.model is None:
            training = _with_background(training, images[0], request.settings)
        steps = _label(images[0], training, request.settings)
    else:
        steps = iter_baseline(images[0], request)
    if len(stack.shape) == 2 and request.out is None:
        return steps
    return _in_shape(steps, stack.shape, request.out)


def _in_shape(
    steps: Steps[SegmentationResult], shape: tuple[int, ...], out: Any
) -> Steps[SegmentationResult]:
    """Give labels the axes of the image, and write them to `out`."""
    result = yield from steps
    labels, hierarchy = result.labels.reshape(shape), result.hierarchy
    if out is not None:
        store_labels(out, ..., labels)
        labels = out
    if hierarchy is not None:
        hierarchy = hierarchy.reshaped(shape)
    return replace(result, labels=labels, hierarchy=hierarchy)


def _with_background(
    training: Steps[Fitted], channels: NDArray[Any], settings: SegmentationSettings
) -> Steps[Fitted]:
    """Give the background of previews the label that it has in the result."""

    def messages(step: SegmentationStep) -> list[SegmentationStep]:
        if step.labels is None:
            return [step]
        background = find_background([step.labels], [channels], settings.background)
        if background is None:
            return [step]
        return [replace(step, labels=with_background(step.labels, background))]

    # Regions are numbered for themselves, and a number may not be there yet.
    if settings.output == "regions" or settings.background not in _FOUND:
        return training
    return relay(training, messages)


def _label(
    channels: NDArray[Any], training: Steps[Fitted], settings: SegmentationSettings
) -> Steps[SegmentationResult]:
    from napari_mmtseg.engine.model.image_view import CachedResult

    start = time.perf_counter()
    fitted = yield from training
    model, n_steps, hierarchy = fitted.model, fitted.n_steps, fitted.hierarchy
    if hierarchy is None:
        step = SegmentationStep(
            "prediction", n_steps, settings.n_steps, n_labels=model.n_labels
        )
        if fitted.even is None:
            finding = model.iter_hierarchy(channels, channel_axis=0)
        else:
            evened = model.under_even_light()
            finding = evened.iter_hierarchy(fitted.even, channel_axis=0)
        hierarchy = yield from predicting(finding, step)
    if model.label_values is None:
        found = hierarchy
        hierarchy = hierarchy.without_empty()
        if settings.min_region_size > 1:
            present = count_values(hierarchy.labels(), hierarchy.fitted + 1)[1:] > 0
            hierarchy = hierarchy.relabelled(without_gaps(present))
        seen = [hierarchy.labels()], [channels], settings.background
        background = find_background(*seen)
        if background is not None:
            index = hierarchy.label_of_class().tolist().index(background)
            hierarchy = hierarchy.with_background(index)
        model.label_values = hierarchy.labels_for_model(found)
    labels = hierarchy.labels(output=settings.output)
    if settings.output == "regions":
        labels = consecutive(labels)
    if model.memory is None:
        model.memory = CachedResult.of(channels, hierarchy, None)
    return SegmentationResult(
        labels=labels,
        model=model,
        hierarchy=hierarchy,
        stop_reason=fitted.stop_reason,
        n_labels=len(np.unique(labels)),
        n_steps=n_steps,
        seconds=time.perf_counter() - start,
        device=fitted.device,
        precision=fitted.precision,
        settings=settings,
    )

"""Labels of an area of an image: 0 outside it, also in previews."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.regions import connected_regions
from napari_mmtseg.progress import SegmentationStep, Steps, relay
from napari_mmtseg.segmentation.previews import preview_step
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.result import SegmentationResult


def within_area(
    steps: Steps[SegmentationResult], request: SegmentationRequest
) -> Steps[SegmentationResult]:
    """Run a segmentation, and label pixels outside the area 0."""
    stack = request.stack
    result = yield from relay(steps, lambda step: [_preview(step, stack)])
    return _limited(result, stack, request.settings.output == "regions")


def _preview(step: SegmentationStep, stack: ImageStack) -> SegmentationStep:
    if step.labels is None:
        return step
    inside = stack.frame(step.index or (0,) * len(stack.lead)).area
    assert inside is not None
    every = preview_step(inside.shape)
    if step.labels.shape != inside.shape:
        inside = inside[(slice(None, None, every),) * inside.ndim]
    if step.labels.shape != inside.shape:  # of a crop
        return step
    return replace(step, labels=np.where(inside, step.labels, 0))


def _limited(
    result: SegmentationResult, stack: ImageStack, is_regions: bool
) -> SegmentationResult:
    values: set[int] = set()
    most = 0
    for index in stack.indices():
        place = stack.place(stack.whole(index))
        inside = stack.frame(index).area
        assert inside is not None
        labels = np.where(inside, np.asarray(result.labels[place]), 0)
        if is_regions:  # which the border may have cut in two
            labels = connected_regions(labels, labels.ndim)
            labels += most * (labels > 0)
            most = max(most, int(labels.max(initial=0)))
        values |= set(np.unique(labels[inside]).tolist())
        result.labels[place] = labels
    hierarchy = result.hierarchy
    if hierarchy is not None:
        assert stack.area is not None
        hierarchy = replace(hierarchy, outside=~stack.area)
    return replace(result, n_labels=len(values), hierarchy=hierarchy)

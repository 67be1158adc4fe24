"""A stack or a large image, labelled part by part with the classes of one model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError, failures_in_words
from napari_mmtseg.images.stack import ImageStack, Location
from napari_mmtseg.labels.hierarchy import LabelHierarchy, without_gaps
from napari_mmtseg.labels.store import new_store
from napari_mmtseg.labels.writer import LabelWriter
from napari_mmtseg.notices import warn
from napari_mmtseg.progress import SegmentationStep, Steps
from napari_mmtseg.segmentation.previews import SlicePreviews
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.result import SegmentationResult
from napari_mmtseg.segmentation.stack_training import fit_stacks

_KEPT = "The labels of what came before are kept."


def segment_stack(request: SegmentationRequest) -> Steps[SegmentationResult]:
    """Segment a stack or a large image."""
    start = time.perf_counter()
    stack, settings = request.stack, request.settings
    # Allocate first, so that a full disk is reported before training.
    clusters = new_store(stack.shape, np.uint8, settings.memory_share)
    labels = request.out
    if labels is None:
        labels = new_store(stack.shape, np.int32, settings.memory_share)
    fitted = yield from fit_stacks(request)
    model = fitted.model
    merge_tree, parts = model.iter_clusters(stack, request.out)
    step = SegmentationStep(
        "prediction",
        fitted.n_steps,
        fitted.n_steps,
        n_labels=merge_tree.fitted,
        n_slices=stack.n_frames,
    )
    done, why = yield from _find(request, merge_tree, clusters, parts, step)
    step = replace(step, n_done=stack.n_frames)
    hierarchy = replace(merge_tree, clusters=clusters)
    background = fitted.background
    if model.label_values is None:
        hierarchy = hierarchy.without_empty().with_background(background)
    n_done = len({part.index for part in done})
    stopped = sum(part.n_pixels for part in done) < int(np.prod(stack.shape))
    if request.out is not None and stopped:
        yield from _emptied(stack, labels, done, step)
    writer = yield from _write(request, hierarchy, labels, done, step)
    if model.label_values is None and settings.output == "classes":
        before = hierarchy.label_of_class()
        left = writer.present(before)
        numbering = without_gaps(left, background)
        hierarchy = hierarchy.relabelled(numbering)
        if not left.all():  # clean-up has taken whole classes
            yield step
            numbers = np.zeros(int(before.max()) + 1, labels.dtype)
            numbers[before] = numbering
            for part in done:
                place = stack.place(part)
                labels[place] = numbers[np.asarray(labels[place])]
        if not stopped:
            model.label_values = hierarchy.labels_for_model(merge_tree)
    if model.label_values is None and background is not None:
        model.label_values = without_gaps(np.ones(model.n_labels, bool), background)
    reason = fitted.stop_reason
    if stopped:
        reason = f"{why} after {n_done} of {stack.n_frames} slices"
    return SegmentationResult(
        labels=labels,
        model=model,
        hierarchy=None if stopped else _kept(hierarchy, request, labels),
        stop_reason=reason,
        n_labels=writer.n_labels,
        n_steps=fitted.n_steps,
        seconds=time.perf_counter() - start,
        device=fitted.device,
        precision=fitted.precision,
        settings=settings,
        is_partial=stopped,
    )


def _find(
    request: SegmentationRequest,
    merge_tree: LabelHierarchy,
    clusters: NDArray[np.uint8],
    parts: Generator[Any, None, None],
    step: SegmentationStep,
) -> Steps[tuple[list[Location], str]]:
    """Fill the clusters; return the finished parts, and why others are missing."""
    stack, scribbles = request.stack, request.scribbles[0]
    values = merge_tree.label_of_cluster()
    previews = SlicePreviews(stack.first.shape[1:], request.preview_interval)
    done: list[Location] = []
    stop = (yield step) == "stop"
    while True:
        try:
            with failures_in_words():
                part = next(parts, None)
        except InputError as error:
            if not done:
                raise
            warn(f"{error} {_KEPT}")
            return done, "ended by an error"
        if part is None:
            break
        request.check_cancel()
        if isinstance(part, float):
            step = replace(step, fraction=part)
            stop = (yield step) == "stop" or stop
            continue
        place = stack.place(part.location)
        found = part.clusters
        if scribbles is not None:
            found = _stamped(found, np.asarray(scribbles[place]), values)
        clusters[place] = found
        done.append(part.location)
        step = replace(step, n_done=part.n_done, fraction=part.fraction)
        labels = previews.take(part.location.window, values[found])
        shown = replace(step, labels=labels, index=part.location.index)
        if (yield shown) == "stop" or stop:
            break
    return done, "stopped by the user"


def _stamped(
    clusters: NDArray[np.uint8], painted: NDArray[Any], values: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Return clusters with those of the painted classes at scribbles."""
    order = np.argsort(values, kind="stable")
    at = np.minimum(np.searchsorted(values[order], painted), len(values) - 1)
    known = (painted > 0) & (values[order][at] == painted)
    return np.where(known, order[at], clusters).astype(np.uint8)


def _write(
    request: SegmentationRequest,
    hierarchy: LabelHierarchy,
    labels: Any,
    done: list[Location],
    step: SegmentationStep,
) -> Steps[LabelWriter]:
    """Turn clusters into labels; return their writer."""
    stack, scribbles, settings = request.stack, request.scribbles[0], request.settings
    values = hierarchy.label_of_cluster()
    writer = LabelWriter(
        stack,
        labels,
        settings.output,
        settings.min_region_size,
        hierarchy.has_background,
    )
    for part in done:
        request.check_cancel()
        place = stack.place(part)
        kept = None if scribbles is None else np.asarray(scribbles[place]) > 0
        writer.write(part, values[hierarchy.clusters[place]], kept)
        yield step
    writer.finish()
    return writer


def _emptied(
    stack: ImageStack, labels: Any, done: list[Location], step: SegmentationStep
) -> Steps[None]:
    """Write 0 over earlier labels in every frame that is not complete."""
    sizes: Counter[tuple[int, ...]] = Counter()
    for part in done:
        sizes[part.index] += part.n_pixels
    for index in stack.indices():
        if sizes[index] < stack.first.n_pixels:
            labels[stack.place(stack.whole(index))] = 0
            yield step


def _kept(
    hierarchy: LabelHierarchy, request: SegmentationRequest, labels: Any
) -> LabelHierarchy | None:
    """Return the hierarchy if it can give other numbers of classes."""
    on_disk = request.out is None and isinstance(labels, np.memmap)
    if on_disk or isinstance(hierarchy.clusters, np.memmap) or hierarchy.finest < 2:
        return None
    # A hierarchy cleans up, and connects, along the last axes.
    by_frames = (
        request.settings.output == "regions" or request.settings.min_region_size > 1
    )
    stack = request.stack
    if by_frames and not stack.label_axes.endswith(stack.frame_axes):
        return None
    return hierarchy

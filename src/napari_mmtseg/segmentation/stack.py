"""A stack or a large image by one model: every part labelled with the same classes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.hierarchy import LabelHierarchy, without_gaps
from napari_mmtseg.labels.store import check_store, new_store
from napari_mmtseg.labels.writer import LabelWriter, check_clean_up
from napari_mmtseg.notices import warn
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.previews import SlicePreviews
from napari_mmtseg.segmentation.request import StackRun
from napari_mmtseg.segmentation.result import SegmentationResult
from napari_mmtseg.segmentation.scribble_input import check_scribbles
from napari_mmtseg.segmentation.stack_training import check_volumes, fit_stacks

__all__ = ["segment_stack"]

Steps = Generator[SegmentationStep, str | None, SegmentationResult]
Part = tuple[tuple[int, ...], tuple[slice, ...]]

_KEPT = "The labels of what came before are kept."


def segment_stack(stack: ImageStack, run: StackRun) -> Steps:
    """Segment a stack or a large image; what is given is checked at once.

    Parameters
    ----------
    stack : ImageStack
        Read piece by piece.
    run : StackRun
        What was asked for.

    Yields
    ------
    SegmentationStep
        As from :func:`napari_mmtseg.iter_segment`.
    """
    settings = run.settings
    if settings.method != "mmt":
        raise InputError(
            f"method={settings.method} leaves no model that the parts of a stack or a "
            "large image could share. Use method=mmt, stack=slice_by_slice, or one "
            "image of at most 16 megapixels at a time."
        )
    check_volumes([stack], run, run.scribbles is not None)
    if run.scribbles is not None:
        run = replace(run, scribbles=check_scribbles(run.scribbles, stack))
    if run.out is not None:
        largest = settings.n_labels or settings.max_labels
        check_store(run.out, stack.shape, largest, stack.array)
    check_clean_up(stack, settings.output, settings.min_region_size)
    return _segment(stack, run)


def _segment(stack: ImageStack, run: StackRun) -> Steps:
    start = time.perf_counter()
    settings = run.settings
    # First: a disk that is too small is told of before the training.
    clusters = new_store(stack.shape, np.uint8, settings.memory_share)
    labels = run.out
    if labels is None:
        labels = new_store(stack.shape, np.int32, settings.memory_share)
    fitted = yield from fit_stacks([stack], [run.scribbles], run)
    model = fitted.model
    merge_tree, parts = model.iter_clusters(stack, run.out)
    step = SegmentationStep(
        "prediction",
        fitted.n_steps,
        fitted.n_steps,
        n_labels=merge_tree.fitted,
        n_slices=stack.n_frames,
    )
    done, why = yield from _find(stack, run, merge_tree, clusters, parts, step)
    step = replace(step, n_done=stack.n_frames)
    hierarchy = replace(merge_tree, clusters=clusters)
    if model.label_values is None:
        hierarchy = hierarchy.without_empty()
    n_done = len({index for index, _ in done})
    stopped = sum(_size(window) for _, window in done) < int(np.prod(stack.shape))
    if run.out is not None and stopped:
        yield from _emptied(stack, labels, done, step)
    writer = yield from _write(stack, run, hierarchy, labels, done, step)
    if model.label_values is None and settings.output == "classes":
        left = writer.present(hierarchy.fitted)
        numbering = without_gaps(left)
        hierarchy = hierarchy.relabelled(numbering)
        if not left.all():  # clean-up has taken whole classes
            yield step
            numbers = np.concatenate([[0], numbering]).astype(labels.dtype)
            for index, window in done:
                place = stack.place(index, window)
                labels[place] = numbers[np.asarray(labels[place])]
        if not stopped:
            model.label_values = hierarchy.labels_for_model(merge_tree)
    reason = fitted.stop_reason
    if stopped:
        reason = f"{why} after {n_done} of {stack.n_frames} slices"
    return SegmentationResult(
        labels=labels,
        model=model,
        hierarchy=None if stopped else _kept(hierarchy, stack, run, labels),
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
    stack: ImageStack,
    run: StackRun,
    merge_tree: LabelHierarchy,
    clusters: NDArray[np.uint8],
    parts: Generator[Any, None, None],
    step: SegmentationStep,
) -> Generator[SegmentationStep, str | None, tuple[list[Part], str]]:
    """Fill the clusters; return what is done, and why if it is less than all."""
    values = merge_tree.label_of_cluster()
    previews = SlicePreviews(stack.first.shape[1:], run.preview_interval)
    done: list[Part] = []
    stop = (yield step) == "stop"
    while True:
        try:
            part = next(parts, None)
        except InputError as error:
            if not done:
                raise
            warn(f"{error} {_KEPT}")
            return done, "ended by an error"
        if part is None:
            break
        run.check_cancel()
        if isinstance(part, float):
            step = replace(step, fraction=part)
            stop = (yield step) == "stop" or stop
            continue
        place = stack.place(part.index, part.window)
        found = part.clusters
        if run.scribbles is not None:
            found = _stamped(found, np.asarray(run.scribbles[place]), values)
        clusters[place] = found
        done.append((part.index, part.window))
        step = replace(step, n_done=part.n_done, fraction=part.fraction)
        labels = previews.take(part.window, values[found])
        stop = (yield replace(step, labels=labels, index=part.index)) == "stop" or stop
        if stop:
            break
    return done, "stopped by the user"


def _stamped(
    clusters: NDArray[np.uint8], painted: NDArray[Any], values: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Return clusters with those of painted classes where these are painted."""
    order = np.argsort(values, kind="stable")
    at = np.minimum(np.searchsorted(values[order], painted), len(values) - 1)
    known = (painted > 0) & (values[order][at] == painted)
    return np.where(known, order[at], clusters).astype(np.uint8)


def _write(
    stack: ImageStack,
    run: StackRun,
    hierarchy: LabelHierarchy,
    labels: Any,
    done: list[Part],
    step: SegmentationStep,
) -> Generator[SegmentationStep, str | None, LabelWriter]:
    """Turn clusters into labels; return what has written them."""
    settings = run.settings
    values = hierarchy.label_of_cluster()
    writer = LabelWriter(stack, labels, settings.output, settings.min_region_size)
    for index, window in done:
        run.check_cancel()
        place = stack.place(index, window)
        kept = None
        if run.scribbles is not None:
            kept = np.asarray(run.scribbles[place]) > 0
        writer.write(index, window, values[hierarchy.clusters[place]], kept)
        yield step
    writer.finish()
    return writer


def _emptied(
    stack: ImageStack, labels: Any, done: list[Part], step: SegmentationStep
) -> Generator[SegmentationStep, str | None, None]:
    """Put 0 where labels were before, in every frame that is not all done."""
    sizes: Counter[tuple[int, ...]] = Counter()
    for index, window in done:
        sizes[index] += _size(window)
    for index in stack.indices():
        if sizes[index] < stack.first.n_pixels:
            labels[stack.place(index)] = 0
            yield step


def _kept(
    hierarchy: LabelHierarchy, stack: ImageStack, run: StackRun, labels: Any
) -> LabelHierarchy | None:
    """Return the hierarchy if other numbers of classes can be had from it."""
    on_disk = run.out is None and isinstance(labels, np.memmap)
    if on_disk or isinstance(hierarchy.clusters, np.memmap) or hierarchy.finest < 2:
        return None
    # It cleans up, and connects, along the last axes.
    by_frames = run.settings.output == "regions" or run.settings.min_region_size > 1
    if by_frames and not stack.label_axes.endswith(stack.frame_axes):
        return None
    return hierarchy


def _size(window: tuple[slice, ...]) -> int:
    return int(np.prod([w.stop - w.start for w in window]))

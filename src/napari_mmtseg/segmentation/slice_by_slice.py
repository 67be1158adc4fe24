"""A stack slice by slice: a model for each, labels matched from one to the next."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import numpy as np

from napari_mmtseg.errors import InputError, failures_in_words
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.background import find_background, with_background
from napari_mmtseg.labels.matching import LabelMatcher
from napari_mmtseg.labels.store import new_store
from napari_mmtseg.labels.writer import LabelWriter
from napari_mmtseg.notices import warn
from napari_mmtseg.progress import SegmentationStep, Steps, relay
from napari_mmtseg.segmentation.one_image import segment_image
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.result import SegmentationResult


def segment_slices(request: SegmentationRequest) -> Steps[SegmentationResult]:
    """Segment every slice of a stack on its own."""
    start = time.perf_counter()
    stack, settings = request.stack, request.settings
    labels = request.out
    if labels is None:
        labels = new_store(stack.shape, np.int32, settings.memory_share)
    writer = LabelWriter(stack, labels, settings.output, 0)
    background: int | None = None
    matcher = LabelMatcher()
    n, n_steps = stack.n_frames, 0
    answers: list[str] = []
    why = "stopped by the user"
    result: SegmentationResult | None = None
    n_done = 0
    indices = stack.indices()
    for index in indices:
        here = stack.whole(index)
        is_first = result is None
        try:
            image = stack.read(here)
            is_outside = not stack.shows(here)
            if is_outside or not np.isfinite(image).any():
                if not is_outside:
                    warn(f"The slice {index} has no finite value; its labels are 0.")
                labels[stack.place(here)] = 0
                n_done += 1
                continue
            # Classes, which are matched before regions are made of them.
            one = replace(
                request,
                stacks=(ImageStack(image, "CYX", area=stack.frame(index).area),),
                scribbles=(None,),
                settings=settings.replace(output="classes", background="none"),
                out=None,
            )
            report = partial(_of_slice, index, n_done, n)
            with failures_in_words():
                result = yield from relay(segment_image(one), report, answers=answers)
        except InputError as error:
            if is_first:
                raise
            warn(f"{error} The labels of the slices before are kept.")
            labels[stack.place(here)] = 0
            why = "ended by an error"
            break
        matched = matcher.match(result.labels, image)
        if is_first:
            background = find_background([matched], [image], settings.background)
        if background is not None:
            matched = with_background(matched, background)
        writer.write(here, matched)
        n_done += 1
        n_steps += result.n_steps
        step = SegmentationStep(
            "prediction",
            result.n_steps,
            settings.n_steps,
            n_labels=matcher.n_labels,
            labels=None if request.preview_interval is None else matched,
            index=index,
            n_done=n_done,
            n_slices=n,
        )
        if (yield step) == "stop" or "stop" in answers:
            break
    if result is None:
        raise InputError(
            "The stack has no finite value: every pixel is NaN or infinite."
        )
    if request.out is not None:
        for index in indices:  # those after a stop
            labels[stack.place(stack.whole(index))] = 0
    reason = f"all {n} slices are done"
    if n_done < n:
        reason = f"{why} after {n_done} of {n} slices"
    return SegmentationResult(
        labels=labels,
        model=None,
        hierarchy=None,
        stop_reason=reason,
        n_labels=writer.n_labels + (background is not None),
        n_steps=n_steps,
        seconds=time.perf_counter() - start,
        device=result.device,
        precision=result.precision,
        settings=settings,
        is_partial=n_done < n,
    )


def _of_slice(
    index: tuple[int, ...], n_done: int, n_slices: int, step: SegmentationStep
) -> list[SegmentationStep]:
    return [replace(step, index=index, n_done=n_done, n_slices=n_slices)]

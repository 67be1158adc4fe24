"""A stack slice by slice: a model for each, labels matched from one to the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import LARGE, ImageStack
from napari_mmtseg.labels.matching import LabelMatcher
from napari_mmtseg.labels.store import check_store, new_store
from napari_mmtseg.labels.writer import LabelWriter
from napari_mmtseg.notices import warn
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.request import StackRun
from napari_mmtseg.segmentation.result import SegmentationResult

__all__ = ["segment_slices"]

OneImage = Callable[
    [NDArray[Any]], Generator[SegmentationStep, str | None, SegmentationResult]
]


def segment_slices(
    stack: ImageStack, run: StackRun, segment_one: OneImage
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    """Segment every slice on its own; what is given is checked at once.

    Parameters
    ----------
    stack : ImageStack
        Read slice by slice.
    run : StackRun
        What was asked for.
    segment_one : callable
        Segments raw pixels (C, Y, X) into classes, step by step.

    Yields
    ------
    SegmentationStep
        As from :func:`napari_mmtseg.iter_segment`; steps count from 0 in every slice.
    """
    if run.scribbles is not None or run.examples or run.model is not None:
        raise InputError(
            "stack=slice_by_slice finds the classes of every slice anew: scribbles, "
            "examples and a model have no place there. Use stack=one_model."
        )
    if stack.first.is_large:
        raise InputError(
            f"stack=slice_by_slice looks at every slice as a whole, up to "
            f"{LARGE / 2**20:g} megapixels; these have "
            f"{stack.first.n_pixels / 2**20:.0f}. Use stack=one_model, or a region."
        )
    if run.out is not None:
        check_store(run.out, stack.shape, run.settings.max_labels, stack.array)
    return _slices(stack, run, segment_one)


def _slices(
    stack: ImageStack, run: StackRun, segment_one: OneImage
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    start = time.perf_counter()
    settings = run.settings
    labels = run.out
    if labels is None:
        labels = new_store(stack.shape, np.int32, settings.memory_share)
    writer = LabelWriter(stack, labels, settings.output, 0)
    matcher = LabelMatcher()
    n, n_steps, stop = stack.n_frames, 0, False
    why = "stopped by the user"
    result: SegmentationResult | None = None
    n_done = 0
    indices = stack.indices()
    for index in indices:
        try:
            image = stack.frame(index).read()
        except InputError as error:
            if result is None:
                raise
            warn(f"{error} The labels of the slices before are kept.")
            labels[stack.place(index)] = 0
            why = "ended by an error"
            break
        if not np.isfinite(image).any():
            warn(f"The slice {index} has no finite value; its labels are 0.")
            labels[stack.place(index)] = 0
            n_done += 1
            continue
        steps = segment_one(image)
        answer: str | None = None
        try:
            while True:
                try:
                    step = steps.send(answer)
                except StopIteration as end:
                    result = end.value
                    break
                told = replace(step, index=index, n_done=n_done, n_slices=n)
                answer = yield told
                stop = answer == "stop" or stop
        finally:
            steps.close()
        assert result is not None
        matched = matcher.match(result.labels, image)
        window = tuple(slice(0, length) for length in matched.shape)
        writer.write(index, window, matched)
        n_done += 1
        n_steps += result.n_steps
        told = SegmentationStep(
            "prediction",
            result.n_steps,
            settings.n_steps,
            n_labels=matcher.n_labels,
            labels=None if run.preview_interval is None else matched,
            index=index,
            n_done=n_done,
            n_slices=n,
        )
        stop = (yield told) == "stop" or stop
        if stop:
            break
    if result is None:
        raise InputError(
            "The stack has no finite value: every pixel is NaN or infinite."
        )
    if run.out is not None:
        for index in indices:  # those after a stop
            labels[stack.place(index)] = 0
    reason = f"all {n} slices are done"
    if n_done < n:
        reason = f"{why} after {n_done} of {n} slices"
    return SegmentationResult(
        labels=labels,
        model=None,
        hierarchy=None,
        stop_reason=reason,
        n_labels=writer.n_labels,
        n_steps=n_steps,
        seconds=time.perf_counter() - start,
        device=result.device,
        precision=result.precision,
        settings=settings,
        is_partial=n_done < n,
    )

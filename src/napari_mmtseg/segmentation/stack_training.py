"""One model for a stack or a large image, fitted on parts of it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.crops import sample_crops
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.store import check_largest
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.previews import PREVIEW_SIDE, Shown
from napari_mmtseg.segmentation.request import StackRun
from napari_mmtseg.segmentation.scribble_input import (
    PaintedCrop,
    largest_value,
    painted_crops,
    read_guidance,
)
from napari_mmtseg.segmentation.scribble_training import fit_or_guide
from napari_mmtseg.segmentation.structure import tells_slices_apart
from napari_mmtseg.segmentation.training import Fitted

if TYPE_CHECKING:
    pass

__all__ = ["check_volumes", "fit_stacks"]

_FOCUS_SCALE = 2.0
"""Standard deviation in pixels of the window that focus is measured in."""


def fit_stacks(
    stacks: Sequence[ImageStack], scribbles: Sequence[Any], run: StackRun
) -> Generator[SegmentationStep, str | None, Fitted]:
    """Fit one model to parts of stacks, and to what is painted in them.

    Parameters
    ----------
    stacks : sequence of ImageStack
        Previews show the first.
    scribbles : sequence of array-like or None
        For each, in the shape of its labels.
    run : StackRun
        All else; its own scribbles are not looked at.
    """
    settings = run.settings
    check_volumes(stacks, run, any(s is not None for s in scribbles))
    if settings.merging == "auto":
        settings = settings.replace(merging="classes")  # regions end with their part
    if settings.normalization == "auto":
        settings = settings.replace(normalization="together")
    n_slices = stacks[0].n_frames
    told = SegmentationStep("preparing", 0, settings.n_steps, n_slices=n_slices)
    stop = (yield told) == "stop"
    n, side = settings.n_crops, settings.crop_size
    painted: list[PaintedCrop] = []
    for stack, hints in zip(stacks, scribbles, strict=True):
        if hints is not None:
            painted += painted_crops(stack, hints, n, side, run.check_cancel)
    crops = [image for _, image, _ in painted] + [image for image, _ in run.examples]
    hints = [hint for *_, hint in painted] + [hint for _, hint in run.examples]
    if not painted or settings.n_labels is not None:
        # Classes beside the painted ones may lie anywhere.
        each = max((n - len(painted)) // len(stacks), 1)
        for stack in stacks:
            crops += sample_crops(stack, each, side, run.check_cancel)
        hints += [None] * (len(crops) - len(hints))
    if not painted and any(s is not None for s in scribbles):
        raise InputError(
            "Nothing is painted: all scribbles are 0. Paint a few strokes of every "
            "class, or leave the scribbles out."
        )
    guidance = read_guidance(crops, hints, settings, run.model)
    if run.out is not None:
        known = [hint for hint in hints if hint is not None]
        check_largest(run.out, largest_value(known, run.model, settings))
    if guidance is None and settings.texture is None and _is_focus(stacks[0], crops):
        settings = settings.replace(texture=0.0)
    steps = fit_or_guide(
        crops,
        guidance,
        settings,
        run.model,
        run.preview_interval,
        run.should_cancel,
        _shown(stacks[0], run),
        run.anisotropy,
    )
    place = painted[0][0] if painted else None
    placed = _placed(steps, stacks[0], place, guidance is not None, stop)
    return (yield from placed)


def _is_focus(stack: ImageStack, crops: Sequence[NDArray[Any]]) -> bool:
    """Return whether texture is the focus of slices, where these are seen whole."""
    shape = stack.first.shape
    whole = shape[0] == 1 and len(shape) == 3 and len(crops) > 1
    return (
        whole
        and all(crop.shape == shape for crop in crops)
        and tells_slices_apart(crops, _FOCUS_SCALE)
    )


def check_volumes(
    stacks: Sequence[ImageStack], run: StackRun, is_painted: bool
) -> None:
    """Refuse for volumes what there is for images alone.

    Raises
    ------
    InputError
        If regions are to merge, or scribbles, examples or a model guide the run.
    """
    if not any(stack.volumes for stack in stacks):
        return
    if run.settings.merging == "regions":
        raise InputError(
            "merging=regions is for images; with stack=volume use merging=classes, or "
            "stack=one_model."
        )
    if is_painted or run.examples or run.model is not None:
        raise InputError(
            "Scribbles, examples and a model to start from do not go with "
            "stack=volume. Use stack=one_model."
        )


def _shown(stack: ImageStack, run: StackRun) -> Shown | None:
    """Return what reads the slice that previews show, once for every change."""
    if run.preview_interval is None:
        return None
    last: list[Any] = [None, None]

    def read() -> tuple[tuple[int, ...], NDArray[Any]] | None:
        index = (0,) * len(stack.lead) if run.shown is None else tuple(run.shown())
        frame = stack.frame(index)
        if frame.is_large or max(frame.shape[1:]) > PREVIEW_SIDE:
            return None
        if last[0] != index:
            last[:] = index, frame.read()
        return index, last[1]

    return read


def _placed(
    steps: Generator[SegmentationStep, str | None, Fitted],
    stack: ImageStack,
    place: tuple[int, ...] | None,
    guided: bool,
    stop: bool,
) -> Generator[SegmentationStep, str | None, Fitted]:
    """Say of every step where in the stack it belongs; stop at once if asked to."""
    shape = stack.first.shape[1:]
    answer: str | None = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            fitted: Fitted = end.value
            return fitted
        step = replace(step, n_slices=stack.n_frames)
        if guided and step.labels is not None:
            # Of the first image that is learned from: seen where that is a frame.
            seen = place is not None and step.labels.shape == shape
            step = replace(step, labels=step.labels if seen else None)
            step = replace(step, index=place or ())
        answer = yield step
        if stop:
            answer = "stop"

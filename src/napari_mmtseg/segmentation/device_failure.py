"""Runs that begin again on the processor when a graphics card fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from napari_mmtseg.errors import InputError, failures_in_words, is_of_graphics_card
from napari_mmtseg.notices import warn
from napari_mmtseg.progress import Steps
from napari_mmtseg.segmentation.request import SegmentationRequest

_R = TypeVar("_R")


def on_any_device(
    work: Callable[[SegmentationRequest], Steps[_R]], request: SegmentationRequest
) -> Steps[_R]:
    """Do the work of a request; without its graphics card if that fails.

    Arguments are checked at once. Every other failure, and one on the processor, ends
    in an InputError that says what to do.
    """
    return _finished(work(request), work, request)


def _finished(
    steps: Steps[_R],
    work: Callable[[SegmentationRequest], Steps[_R]],
    request: SegmentationRequest,
) -> Steps[_R]:
    try:
        with failures_in_words():
            return (yield from steps)
    except InputError as error:
        cause = error.__cause__
        if request.settings.device == "cpu" or not is_of_graphics_card(cause):
            raise
        warn(
            f"The graphics card has failed ({str(cause).splitlines()[0]}). The run "
            "begins again on the processor; device=cpu does so at once."
        )
    settings = request.settings.replace(device="cpu")
    with failures_in_words():
        return (yield from work(replace(request, settings=settings)))

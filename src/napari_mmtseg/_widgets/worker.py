"""What a run does in its worker thread."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import napari_mmtseg
from napari_mmtseg._layers import Source
from napari_mmtseg._widgets.gentle_import import load_engine
from napari_mmtseg._widgets.layer_result import LayerResult
from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.label_shaping import LabelShaper
from napari_mmtseg.progress import SegmentationResult, SegmentationStep
from napari_mmtseg.segmentation import iter_segment
from napari_mmtseg.settings import SegmentationSettings

__all__ = ["Failed", "Message", "Notice", "Outcome", "Refused", "Segmented", "run"]

PREVIEW_INTERVAL = 0.35
"""Seconds between previews."""
PREVIEW_SIDE = 1024
"""Longest side of a preview in pixels."""
_REPORT_INTERVAL = 0.1
"""Seconds between reports of progress, so that tiny images do not flood the window."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """A warning that the user should read."""

    text: str


@dataclass(frozen=True)
class Segmented:
    """A result, ready for a layer: labels in its dimensions, and their origin."""

    labels: NDArray[np.int32] = field(repr=False)
    provenance: dict[str, Any]
    summary: str
    kept: LayerResult = field(repr=False)


@dataclass(frozen=True)
class Refused:
    """The input cannot be used; the text says what can."""

    text: str


@dataclass(frozen=True)
class Failed:
    """An error that nobody expected.

    It is handed over as a value: a napari worker that raises a RuntimeError, as torch
    does for most errors, ends without telling anybody.
    """

    error: Exception


Message: TypeAlias = SegmentationStep | Notice
Outcome: TypeAlias = Segmented | Refused | Failed


def run(
    source: Source,
    settings: SegmentationSettings,
    should_cancel: Callable[[], bool],
) -> Generator[Message, str | None, Outcome | None]:
    """Segment an image; every error is returned instead of raised.

    Parameters
    ----------
    source : Source
        The image; read and copied here.
    settings : SegmentationSettings
        How to segment it.
    should_cancel : callable
        Asked in the worker thread, again and again.

    Yields
    ------
    SegmentationStep or Notice
        Previews are arranged for a layer and at most `PREVIEW_SIDE` wide.

    Returns
    -------
    Outcome or None
        None once `should_cancel` has returned True.
    """
    notices: list[str] = []
    try:
        with _collected_warnings(notices):
            return (yield from _segment(source, settings, notices, should_cancel))
    except Cancelled:
        return None
    except InputError as error:
        return Refused(str(error))
    except Exception as error:
        return Failed(error)


def _segment(
    source: Source,
    settings: SegmentationSettings,
    notices: list[str],
    should_cancel: Callable[[], bool],
) -> Generator[Message, str | None, Segmented]:
    preparing = SegmentationStep("preparing", 0, settings.n_steps)
    stop = yield preparing
    image = source.read()
    stop = (yield preparing) or stop
    load_engine()
    steps = iter_segment(
        image,
        channel_axis=source.channel_axis,
        settings=settings,
        preview_interval=PREVIEW_INTERVAL,
        should_cancel=should_cancel,
    )
    answer: str | None = None  # what a fresh generator takes
    phase, due = "", 0.0
    result = None
    try:
        while result is None:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                result = end.value
            while notices:
                stop = (yield Notice(notices.pop(0))) or stop
            now = time.perf_counter()
            if result is None and (
                step.labels is not None or step.phase != phase or now >= due
            ):
                phase, due = step.phase, now + _REPORT_INTERVAL
                stop = (yield _for_layer(step, source)) or stop
            answer = stop
    finally:
        steps.close()
    return _finish(result, source)


def _for_layer(step: SegmentationStep, source: Source) -> SegmentationStep:
    if step.labels is None:
        return step
    stride = preview_stride(step.labels.shape)
    return replace(step, labels=source.place.arrange(step.labels[::stride, ::stride]))


def preview_stride(shape: tuple[int, ...]) -> int:
    """Return how many pixels of an image one pixel of its preview covers."""
    return -(-max(shape) // PREVIEW_SIDE)


def _finish(result: SegmentationResult, source: Source) -> Segmented:
    packages = ("napari-mmtseg", "torch", "numpy", "napari")
    labels = source.place.arrange(result.labels)
    shaper = None
    if result.hierarchy is not None:
        shaper = LabelShaper(result.hierarchy.arranged(labels.shape))
        shaper.note_result(labels, result.settings.output)
    return Segmented(
        labels=labels,
        kept=LayerResult(source, result.model, shaper),
        provenance={
            "source": source.name,
            "axes": source.axes,
            "slice": dict(source.slices),
            "shape": [int(n) for n in source.array.shape],
            "settings": result.settings.to_dict(),
            "seed": result.settings.seed,
            "n_labels": result.n_labels,
            "n_steps": result.n_steps,
            "stop_reason": result.stop_reason,
            "seconds": round(result.seconds, 3),
            "device": result.device,
            "precision": result.precision,
            "versions": {name: version(name) for name in packages},
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        },
        summary=(
            f"{result.n_labels} label{'s' * (result.n_labels != 1)} in "
            f"{result.seconds:.1f} s, {result.n_steps} steps: {result.stop_reason}."
        ),
    )


@contextmanager
def _collected_warnings(notices: list[str]) -> Iterator[None]:
    """Keep our own warnings for the user; log the rest, which napari would show."""
    home = str(Path(napari_mmtseg.__file__).parent)

    def collect(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        *_: Any,
        **__: Any,
    ) -> None:
        if issubclass(category, UserWarning) and filename.startswith(home):
            if str(message) not in notices:
                notices.append(str(message))
        else:
            _log.info("%s:%s: %s: %s", filename, lineno, category.__name__, message)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = collect
        yield

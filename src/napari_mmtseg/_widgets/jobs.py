"""What a run can do: segment an image, or label it with a model that is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from weakref import ref

import numpy as np

from napari_mmtseg._hints import Hints
from napari_mmtseg._layers import Source
from napari_mmtseg._widgets.gentle_import import load_engine
from napari_mmtseg._widgets.layer_result import LayerResult
from napari_mmtseg._widgets.outcomes import Message, Notice, Outcome, Segmented
from napari_mmtseg.errors import Cancelled
from napari_mmtseg.label_hierarchy import LabelHierarchy
from napari_mmtseg.label_shaping import LabelShaper, Shape
from napari_mmtseg.progress import SegmentationResult, SegmentationStep
from napari_mmtseg.regions import connected_regions
from napari_mmtseg.segmentation import iter_segment
from napari_mmtseg.settings import SegmentationSettings

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_mmtseg import MutualMeanTeachingModel

__all__ = ["ApplyJob", "Job", "SegmentJob", "predicted", "preview_stride"]

_R = TypeVar("_R")

PREVIEW_INTERVAL = 0.35
"""Seconds between previews."""
PREVIEW_SIDE = 1024
"""Longest side of a preview in pixels."""
_REPORT_INTERVAL = 0.1
"""Seconds between reports of progress, so that tiny images do not flood the window."""


class Job(Protocol):
    """Something to do with an image in a worker thread."""

    @property
    def source(self) -> Source:
        """The image; read and copied in the thread."""

    @property
    def title(self) -> str:
        """What the activity dock says."""

    @property
    def n_steps(self) -> int:
        """Number of steps that the progress counts."""

    @property
    def hints_layer(self) -> Labels | None:
        """The layer below which the result goes."""

    def steps(
        self, notices: list[str], should_cancel: Callable[[], bool]
    ) -> Generator[Message, str | None, Outcome]:
        """Do it; may raise whatever the work raises.

        Parameters
        ----------
        notices : list of str
            Where warnings arrive, to be passed on.
        should_cancel : callable
            Once it returns True, :class:`~napari_mmtseg.errors.Cancelled` is raised.
        """


@dataclass(frozen=True)
class SegmentJob:
    """Segment an image.

    Attributes
    ----------
    source : Source
        The image.
    settings : SegmentationSettings
        How to segment it.
    hints : Hints, optional
        What is painted on it.
    hints_layer : napari.layers.Labels, optional
        Where it is painted; the result goes below it.
    model : MutualMeanTeachingModel, optional
        What to start from.
    appearance : dict
        Further attributes of the result's layer.
    out_of_date : tuple of napari.layers.Labels
        Layers that are hidden once the result is there.
    """

    source: Source
    settings: SegmentationSettings
    hints: Hints | None = None
    hints_layer: Labels | None = None
    model: MutualMeanTeachingModel | None = None
    appearance: dict[str, Any] = field(default_factory=dict)
    out_of_date: tuple[Labels, ...] = ()

    @property
    def title(self) -> str:
        """What the activity dock says."""
        return f"Segment {self.source.name}"

    @property
    def n_steps(self) -> int:
        """Number of training steps."""
        return self.settings.n_steps

    def steps(
        self, notices: list[str], should_cancel: Callable[[], bool]
    ) -> Generator[Message, str | None, Segmented]:
        """Do it, with previews for a layer, at most `PREVIEW_SIDE` wide."""
        source, settings = self.source, self.settings
        preparing = SegmentationStep("preparing", 0, settings.n_steps)
        stop = yield preparing
        image = source.read()
        hints = self.hints
        examples = []
        for there, painted in hints.others if hints else ():
            examples.append((there.read(), painted))
            stop = (yield preparing) or stop
        stop = (yield preparing) or stop
        load_engine()
        steps = iter_segment(
            image,
            channel_axis=source.channel_axis,
            scribbles=hints.painted if hints else None,
            examples=examples,
            model=self.model,
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
        return self._finish(result)

    def _finish(self, result: SegmentationResult) -> Segmented:
        source, hints = self.source, self.hints
        if hints is not None and hints.erased is not None:
            result.labels[hints.erased] = 0
        labels = source.place.arrange(result.labels)
        shapers = {}
        if result.hierarchy is not None:
            shaper = LabelShaper(result.hierarchy.arranged(labels.shape))
            shapers[result.hierarchy.merging] = shaper
            shape = Shape(result.hierarchy.fitted, result.settings.output)
            shaper.note_result(labels, shape)
        kept = LayerResult(source, result.model, shapers, self.settings)
        learned: dict[str, Any] = {}
        if self.hints_layer is not None:
            kept.hints_layer = ref(self.hints_layer)
        if hints is not None:
            learned = {"hints": hints.name, "hinted_labels": sorted(hints.values)}
        return Segmented(
            labels=labels,
            kept=kept,
            provenance=_origin(source)
            | learned
            | {
                "settings": result.settings.to_dict(),
                "seed": result.settings.seed,
                "n_labels": result.n_labels,
                "n_steps": result.n_steps,
                "stop_reason": result.stop_reason,
                "seconds": round(result.seconds, 3),
                "device": result.device,
                "precision": result.precision,
            },
            summary=(
                f"{result.n_labels} label{'s' * (result.n_labels != 1)} in "
                f"{result.seconds:.1f} s, {result.n_steps} steps: {result.stop_reason}."
            ),
            appearance=self.appearance,
            out_of_date=self.out_of_date,
        )


@dataclass(frozen=True)
class ApplyJob:
    """Label an image with the classes of a model.

    Attributes
    ----------
    source : Source
        The image.
    model : MutualMeanTeachingModel or Path
        The model, or its file, which is read in the thread.
    origin : str
        What the user calls the model.
    like : LabelHierarchy, optional
        Of a layer that the model has labelled: the same classes get the same labels.
    shape : Shape, optional
        Number of classes and output; as the model was fitted without it.
    appearance : dict
        Further attributes of the layer.
    """

    source: Source
    model: MutualMeanTeachingModel | Path
    origin: str
    like: LabelHierarchy | None = None
    shape: Shape | None = None
    appearance: dict[str, Any] = field(default_factory=dict)
    hints_layer: None = None

    @property
    def title(self) -> str:
        """What the activity dock says."""
        return f"Apply {self.origin} to {self.source.name}"

    @property
    def n_steps(self) -> int:
        """Percent."""
        return 100

    def steps(
        self, notices: list[str], should_cancel: Callable[[], bool]
    ) -> Generator[Message, str | None, Segmented]:
        """Do it."""
        start = time.perf_counter()
        yield SegmentationStep("preparing", 0, self.n_steps)
        image = self.source.read()
        yield SegmentationStep("preparing", 0, self.n_steps)
        load_engine()
        model = self.model
        if isinstance(model, Path):
            model = import_module("napari_mmtseg").load_model(model)
        parts = model.iter_hierarchy(
            image,
            channel_axis=self.source.channel_axis,
            merging=None if self.like is None else self.like.merging,
        )
        hierarchy = yield from predicted(parts, notices, should_cancel)
        if self.like is not None:
            hierarchy = hierarchy.named_like(self.like)
        shape = self.shape or Shape(hierarchy.fitted, model.settings.output)
        plane = hierarchy.shown(shape.n_labels)
        if shape.output == "regions":
            plane = connected_regions(plane)
        labels = self.source.place.arrange(plane)
        shaper = LabelShaper(hierarchy.arranged(labels.shape))
        shaper.note_result(labels, shape)
        seconds = time.perf_counter() - start
        n_labels = len(np.unique(plane))
        return Segmented(
            labels=labels,
            kept=LayerResult(
                self.source, model, {hierarchy.merging: shaper}, model.settings
            ),
            provenance=_origin(self.source)
            | {
                "model": self.origin,
                "settings": model.settings.to_dict(),
                "seed": model.settings.seed,
                "n_labels": n_labels,
                "seconds": round(seconds, 3),
            },
            summary=(
                f"{n_labels} label{'s' * (n_labels != 1)} in {seconds:.1f} s with the "
                f"classes of {self.origin}."
            ),
            appearance=self.appearance,
        )


def predicted(
    parts: Generator[float, None, _R],
    notices: list[str],
    should_cancel: Callable[[], bool],
) -> Generator[Message, str | None, _R]:
    """Run a prediction to its end and tell in percent how far it is.

    For the other parameters and errors, see :meth:`Job.steps`.
    """
    while True:
        if should_cancel():
            raise Cancelled
        try:
            fraction = next(parts)
        except StopIteration as end:
            result: _R = end.value
            return result
        while notices:
            yield Notice(notices.pop(0))
        yield SegmentationStep("prediction", round(100 * fraction), 100)


def _for_layer(step: SegmentationStep, source: Source) -> SegmentationStep:
    if step.labels is None:
        return step
    stride = preview_stride(step.labels.shape)
    return replace(step, labels=source.place.arrange(step.labels[::stride, ::stride]))


def preview_stride(shape: tuple[int, ...]) -> int:
    """Return how many pixels of an image one pixel of its preview covers."""
    return -(-max(shape) // PREVIEW_SIDE)


def _origin(source: Source) -> dict[str, Any]:
    packages = ("napari-mmtseg", "torch", "numpy", "napari")
    return {
        "source": source.name,
        "axes": source.axes,
        "slice": dict(source.slices),
        "shape": [int(n) for n in source.array.shape],
        "versions": {name: version(name) for name in packages},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }

"""The job that segments an image, a stack or a part of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.editing.class_count import ClassCount, Display
from napari_mmtseg.napari.layers.result import LayerResult, fixed_by_size
from napari_mmtseg.napari.layers.scribbles import Hints
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.runs.outcomes import Segmented
from napari_mmtseg.napari.runs.preload import load_engine
from napari_mmtseg.napari.segment.job import origin
from napari_mmtseg.napari.segment.stack_preview import StackPreview, coarse
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.result import SegmentationResult
from napari_mmtseg.segmentation.segment import iter_segment
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = ["PREVIEW_INTERVAL", "SegmentJob"]

PREVIEW_INTERVAL = 0.35
"""Seconds between previews."""
_REPORT_INTERVAL = 0.1
"""Seconds between reports of progress, so that tiny images do not flood the window."""


@dataclass(frozen=True)
class SegmentJob:
    """Segment an image.

    Attributes
    ----------
    source : LayerSelection
        The image.
    settings : SegmentationSettings
        How to segment it.
    shown : callable, optional
        Returns which slice of a stack the viewer shows; asked in the worker's thread.
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

    source: LayerSelection
    settings: SegmentationSettings
    shown: Callable[[], tuple[int, ...]] | None = None
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
    def counted(self) -> str:
        """What the stack consists of."""
        return "volume" if self._stack.volumes else "slice"

    @property
    def _stack(self) -> ImageStack:
        return self.source.as_stack(volumes=self.settings.stack == "volume")

    @property
    def _is_slice_by_slice(self) -> bool:
        return self.settings.stack == "slice_by_slice" and self.source.is_stack

    @property
    def n_steps(self) -> int:
        """Number of training steps, and as many for the slices that follow."""
        n_steps = self.settings.n_steps
        if self._is_slice_by_slice:
            return n_steps * self._stack.n_frames
        return n_steps if self.source.is_one_image else 2 * n_steps

    def n_done(self, step: SegmentationStep) -> int:
        """Return how many of them are done."""
        predicting = step.phase == "prediction"
        # The core may take more steps than were asked for, or fewer.
        trained = round(step.step / max(step.n_steps, 1) * self.settings.n_steps)
        if self._is_slice_by_slice:
            if not step.index:
                return 0
            at = int(np.ravel_multi_index(step.index, self._stack.lead))
            within = self.settings.n_steps if predicting else trained
            return at * self.settings.n_steps + within
        if predicting and not self.source.is_one_image:
            return round((1 + step.fraction) * self.settings.n_steps)
        return trained

    def steps(
        self, should_cancel: Callable[[], bool]
    ) -> Generator[SegmentationStep, str | None, Segmented]:
        """Do it, with previews for a layer."""
        source, settings = self.source, self.settings
        preparing = SegmentationStep("preparing", 0, settings.n_steps)
        stop = yield preparing
        image = source.image()
        hints = self.hints
        examples = []
        for there, painted in hints.others if hints else ():
            examples.append((there.read(), painted))
            stop = (yield preparing) or stop
        stop = (yield preparing) or stop
        load_engine()
        steps = iter_segment(
            image,
            **source.naming,
            scribbles=hints.painted if hints else None,
            examples=examples,
            model=self.model,
            settings=settings,
            preview_interval=PREVIEW_INTERVAL,
            should_cancel=should_cancel,
            shown=self.shown,
        )
        show = self._previews()
        answer: str | None = None  # what a fresh generator takes
        phase, due = "", 0.0
        labels = result = None
        try:
            while result is None:
                try:
                    step = steps.send(answer)
                except StopIteration as end:
                    result = end.value
                if result is None:
                    step = show(step)
                    labels = labels if step.labels is None else step.labels
                    now = time.perf_counter()
                    if step.phase != phase or now >= due or _is_single(step):
                        phase, due = step.phase, now + _REPORT_INTERVAL
                        stop = (yield replace(step, labels=labels)) or stop
                        labels = None
                # One click ends the training, or the slices: not the first and then
                # the other.
                answer, stop = stop, None
        finally:
            steps.close()
        return self._finish(result)

    def _previews(self) -> Callable[[SegmentationStep], SegmentationStep]:
        """Return what gives steps the labels of the layer instead of their own."""
        source, stack = self.source, self._stack
        if stack.n_frames == 1 and not stack.volumes:

            def arranged(step: SegmentationStep) -> SegmentationStep:
                if step.labels is None:
                    return step
                labels = coarse(step.labels, source.place.plane)
                return replace(step, labels=source.place.arrange(labels))

            return arranged
        dtype = np.uint16 if self.hints is None else np.int32
        preview = StackPreview(source, stack, dtype, self.settings.memory_share)

        first = True

        def written(step: SegmentationStep) -> SegmentationStep:
            nonlocal first
            # Of other slices the window hears when it gets there.
            seen = first or self.shown is None or step.index == self.shown()
            there = preview.take(step)
            first = first and not there
            return replace(step, labels=preview.labels if there and seen else None)

        return written

    def _finish(self, result: SegmentationResult) -> Segmented:
        source, hints = self.source, self.hints
        if hints is not None and hints.erased is not None:
            result.labels[hints.erased] = 0
        labels = source.place.arrange(result.labels)
        shapers = {}
        why_fixed = self._why_fixed(result)
        if result.hierarchy is not None and not why_fixed:
            shaper = ClassCount(result.hierarchy.reshaped(labels.shape))
            shapers[result.hierarchy.merging] = shaper
            shape = Display(result.hierarchy.fitted, result.settings.output)
            shaper.note_result(labels, shape)
        kept = LayerResult(source, result.model, shapers, self.settings)
        kept.why_fixed = why_fixed
        learned: dict[str, Any] = {}
        if self.hints_layer is not None:
            kept.hints_layer = ref(self.hints_layer)
        if hints is not None:
            learned = {"hints": hints.name, "hinted_labels": sorted(hints.values)}
        return Segmented(
            labels=labels,
            kept=kept,
            provenance=origin(source)
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

    def _why_fixed(self, result: SegmentationResult) -> str:
        """Return why the number of classes stays as it is."""
        if text := fixed_by_size(result.labels):
            return text
        if self._is_slice_by_slice:
            return "Every slice has a model of its own."
        if result.is_partial:
            return "Not all of it has labels."
        if result.model is not None and result.hierarchy is None:
            return "There is nothing to choose from: the model knows one class."
        return ""


def _is_single(step: SegmentationStep) -> bool:
    """Return whether a step has a preview that no later one has, too."""
    return step.labels is not None and step.n_slices == 1

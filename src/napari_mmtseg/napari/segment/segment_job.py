"""A run that segments an image, a stack or a part of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.editing.class_count import Display
from napari_mmtseg.napari.layers.objects import OBJECT_CLASSES
from napari_mmtseg.napari.layers.result import LayerResult, fixed_by_size
from napari_mmtseg.napari.layers.scribbles import LayerScribbles
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.segment.job import Job, Segmented, found, origin, prepared
from napari_mmtseg.napari.segment.kept_slices import SliceKeeper
from napari_mmtseg.napari.segment.stack_preview import StackPreview, coarse
from napari_mmtseg.progress import SegmentationStep, relay
from napari_mmtseg.segmentation.result import SegmentationResult
from napari_mmtseg.segmentation.segment import iter_segment
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari.layers import Labels
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

PREVIEW_INTERVAL = 0.35
"""Seconds between previews."""
_REPORT_INTERVAL = 0.25
"""Seconds between reports of progress: each repaints the whole window."""


@dataclass(frozen=True)
class Segmentation:
    """A segmentation of an image, with previews; training starts from `model`.

    `shown` returns the slice of a stack that the viewer shows and is asked in the
    thread. The result goes below `scribbles_layer` with the attributes `appearance`.
    """

    source: LayerSelection
    settings: SegmentationSettings
    shown: Callable[[], tuple[int, ...]] | None = None
    scribbles: LayerScribbles | None = None
    scribbles_layer: Labels | None = None
    model: MutualMeanTeachingModel | None = None
    appearance: dict[str, Any] = field(default_factory=dict)

    def job(self) -> Job:
        """Return the job of the panel."""
        keeper = SliceKeeper(self.source, self.settings)
        return Job(
            self.source,
            f"Segment {self.source.name}",
            partial(self._work, keeper),
            self._n_steps,
            self._n_done,
            "volume" if self._stack.volumes else "slice",
            self.scribbles_layer,
            keeper.remove,
        )

    @property
    def _stack(self) -> ImageStack:
        return self.source.as_stack(volumes=self.settings.stack == "volume")

    @property
    def _is_slice_by_slice(self) -> bool:
        return self.settings.stack == "slice_by_slice" and self.source.is_stack

    @property
    def _n_steps(self) -> int:
        """Number of training steps, and as many for the slices that follow."""
        n_steps = self.settings.n_steps
        if self._is_slice_by_slice:
            return n_steps * self._stack.n_frames
        return n_steps if self.source.is_one_image else 2 * n_steps

    def _n_done(self, step: SegmentationStep) -> int:
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

    def _work(
        self, keeper: SliceKeeper, should_cancel: Callable[[], bool]
    ) -> Generator[SegmentationStep, str | None, Segmented]:
        try:
            outcome = yield from self._segment(keeper, should_cancel)
        except BaseException:  # napari may be closing
            keeper.leave()
            raise
        keeper.remove()
        return outcome

    def _segment(
        self, keeper: SliceKeeper, should_cancel: Callable[[], bool]
    ) -> Generator[SegmentationStep, str | None, Segmented]:
        source, scribbles = self.source, self.scribbles
        image, stop = yield from prepared(source, self.settings.n_steps)
        examples = []
        for there, painted in scribbles.others if scribbles else ():
            examples.append((there.read(), painted))
            stop = (yield SegmentationStep("preparing", 0, self._n_steps)) or stop
        steps = iter_segment(
            image,
            **source.naming_for(self.settings),
            area=source.area_mask(),
            scribbles=scribbles.painted if scribbles else None,
            examples=examples,
            model=self.model,
            settings=self.settings,
            preview_interval=PREVIEW_INTERVAL,
            should_cancel=should_cancel,
            shown=self.shown,
        )
        return self._finish(
            (yield from relay(steps, self._reports(keeper), stop=stop is not None))
        )

    def _reports(
        self, keeper: SliceKeeper
    ) -> Callable[[SegmentationStep], list[SegmentationStep]]:
        """Return a function that turns steps into those for the window."""
        show = self._previews()
        phase, due = "", 0.0
        labels: NDArray[Any] | None = None

        def report(step: SegmentationStep) -> list[SegmentationStep]:
            nonlocal phase, due, labels
            keeper.keep(step)
            step = show(step)
            labels = labels if step.labels is None else step.labels
            now = time.perf_counter()
            is_only_preview = step.labels is not None and step.n_slices == 1
            if step.phase == phase and now < due and not is_only_preview:
                return []
            phase, due = step.phase, now + _REPORT_INTERVAL
            reported = replace(step, labels=labels)
            labels = None
            return [reported]

        return report

    def _previews(self) -> Callable[[SegmentationStep], SegmentationStep]:
        """Return a function that gives steps the labels of the layer."""
        source, stack = self.source, self._stack
        if stack.n_frames == 1 and not stack.volumes:

            def arranged(step: SegmentationStep) -> SegmentationStep:
                if step.labels is None:
                    return step
                labels = coarse(step.labels, source.place.plane)
                return replace(step, labels=source.place.arrange(labels))

            return arranged
        dtype = np.uint16 if self.scribbles is None else np.int32
        preview = StackPreview(source, stack, dtype, self.settings.memory_share)
        first = True

        def written(step: SegmentationStep) -> SegmentationStep:
            nonlocal first
            # Other slices are drawn when the viewer gets there.
            seen = first or self.shown is None or step.index == self.shown()
            there = preview.take(step)
            first = first and not there
            return replace(step, labels=preview.labels if there and seen else None)

        return written

    def _finish(self, result: SegmentationResult) -> Segmented:
        source, scribbles = self.source, self.scribbles
        if scribbles is not None and scribbles.erased is not None:
            result.labels[scribbles.erased] = 0
        labels = source.place.arrange(result.labels)
        if result.model is not None:
            result.model.channel_names = source.channels
            result.model.picked_channels = source.picked
        kept = LayerResult(source, result.model, {}, self.settings)
        kept.why_fixed = self._why_fixed(result)
        if result.hierarchy is not None and not kept.why_fixed:
            display = Display(result.hierarchy.fitted, result.settings.output)
            kept.add_class_count(result.hierarchy, labels, display)
        about = origin(source)
        if self.scribbles_layer is not None:
            kept.scribbles_layer = ref(self.scribbles_layer)
        if scribbles is not None:
            about["hints"] = scribbles.name
            about["hinted_labels"] = sorted(scribbles.values)
        about |= {
            "settings": result.settings.to_dict(),
            "seed": result.settings.seed,
            "n_labels": result.n_labels,
            "n_steps": result.n_steps,
            "stop_reason": result.stop_reason,
            "illumination": result.illumination,
            "background": result.background,
            "seconds": round(result.seconds, 3),
            "device": result.device,
            "precision": result.precision,
        }
        if result.objects is not None:
            about[OBJECT_CLASSES] = result.objects.classes.tolist()
        return Segmented(
            labels=labels,
            kept=kept,
            provenance=about,
            summary=f"{self._found(result)} {result.notes}".rstrip(),
            output=result.settings.output,
            appearance=self.appearance,
        )

    def _found(self, result: SegmentationResult) -> str:
        hierarchy = result.hierarchy
        n_classes = None if hierarchy is None else hierarchy.fitted
        shown = found(result.n_labels, n_classes, result.settings.output)
        stopped = ", stopped early" if "user" in result.stop_reason else ""
        return f"{shown} in {result.seconds:.1f} s{stopped}."

    def _why_fixed(self, result: SegmentationResult) -> str:
        """Return why the class count stays; empty if it need not."""
        if text := fixed_by_size(result.labels):
            return text
        if self._is_slice_by_slice:
            return "Every slice has a model of its own."
        if result.is_partial:
            return "Not all of it has labels."
        if result.model is not None and result.hierarchy is None:
            return "There is nothing to choose from: the model knows one class."
        return ""

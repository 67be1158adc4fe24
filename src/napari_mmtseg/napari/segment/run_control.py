"""Start, watch and end the runs of the Segment panel, one at a time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_mmtseg.napari.layers.result import Measured
from napari_mmtseg.napari.runs.progress import ActivityBar, ProgressView
from napari_mmtseg.napari.runs.run import (
    Failed,
    Notice,
    Refused,
    RunQueue,
    show_problem,
)
from napari_mmtseg.napari.segment.job import Job, Segmented
from napari_mmtseg.napari.segment.run_layer import RunLayer
from napari_mmtseg.napari.segment.segment_job import PREVIEW_INTERVAL
from napari_mmtseg.progress import SegmentationStep

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari.layers import Layer

_PREVIEW_SHARE = 0.1
"""Fraction of the window's time that previews may take."""


class RunControl(QObject):
    """A run, from its start to its layer; nothing else is left behind.

    `state_changed` is emitted when a run starts and when the panel is ready for the
    next one, `finished` emits the layer once it has the labels, `failed` is emitted
    for a run without a result, and `measured` emits the :class:`Measured` that a run
    ended with.
    """

    state_changed = Signal()
    finished = Signal(object)
    failed = Signal()
    measured = Signal(object)

    def __init__(
        self, viewer: ViewerModel, progress: ProgressView, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._progress = progress
        self._queue = RunQueue(self)
        self._queue.reported.connect(self._on_reported)
        self._queue.ended.connect(self._on_ended)
        self._queue.started.connect(lambda: progress.text.setText("Starting…"))
        self._job: Job | None = None
        self._layer: RunLayer | None = None
        self._activity = ActivityBar(progress, self.cancel)
        self._next_preview = self._preview_began = 0.0
        self._late: NDArray[Any] | None = None
        # Its turn comes after that of the window, which paints.
        self._painted = QTimer(self)
        self._painted.setSingleShot(True)
        self._painted.timeout.connect(self._on_painted)
        self._shown: Layer | None = None
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def is_running(self) -> bool:
        """Whether a run is under way."""
        return self._job is not None

    def start(self, job: Job) -> None:
        """Start a run; without effect while one is under way."""
        if self._job is not None:
            return
        self._job = job
        self._layer = RunLayer(self._viewer, job.source, job.scribbles_layer)
        self._activity.start(job.n_steps, job.title)
        self._painted.stop()
        self._next_preview = 0.0
        self._late = None
        self._progress.start(
            job.n_steps, "Waiting for the cancelled run to end…", job.counted
        )
        self.state_changed.emit()
        self._queue.start(job.work)

    def stop_and_keep(self) -> None:
        """End the training, or the slices, and keep the labels so far."""
        if self._job is not None:
            self._queue.stop_and_keep()
            self._progress.text.setText("Stopping…")

    def cancel(self) -> None:
        """End the run at once; the viewer is as it was before."""
        job, layer = self._job, self._layer
        if job is None or layer is None:
            return
        self._forget_run("Cancelled.")
        job.cancelled()
        self._queue.cancel()
        layer.remove()

    def _on_reported(self, message: SegmentationStep | Notice) -> None:
        if isinstance(message, Notice):
            show_warning(message.text)
            return
        try:
            self._show_step(message)
        except Exception:
            self.cancel()
            raise

    def _show_step(self, step: SegmentationStep) -> None:
        assert self._job is not None
        done = self._job.n_done(step)
        self._activity.show_step(done)
        now = time.monotonic()
        labels = self._late if step.labels is None else step.labels
        if labels is None or now < self._next_preview:
            self._late = labels
            self._progress.show_step(step, done)
            return
        # Without the progress, which comes with the next step: both at once would hold
        # up the window for longer.
        assert self._layer is not None
        self._late = None
        self._next_preview = math.inf
        self._layer.show_preview(labels)
        self._preview_began = now
        self._painted.start()

    def _on_painted(self) -> None:
        """Choose when the next preview may come, by what this one has cost."""
        began = self._preview_began
        spent = time.monotonic() - began
        self._next_preview = began + max(0.9 * PREVIEW_INTERVAL, spent / _PREVIEW_SHARE)

    def _on_ended(
        self, outcome: Segmented | Measured | Refused | Failed | None
    ) -> None:
        layer = self._layer
        assert layer is not None
        self._forget_run("" if outcome is None else outcome.summary)
        if isinstance(outcome, Segmented):
            layer.show_result(outcome)
            self._shown = layer.layer
            self.finished.emit(layer.layer)
        elif isinstance(outcome, Measured):
            self.measured.emit(outcome)
        else:
            layer.remove()
            if outcome is not None:
                self.failed.emit()
                show_problem(outcome)

    def _on_removed(self, event: Any) -> None:
        """Forget what is said of a result with its layer."""
        if event.value == self._shown:
            self._shown = None
            if self._job is None:
                self._progress.say("")

    def _forget_run(self, text: str) -> None:
        self._job = self._layer = None
        self._activity.stop()
        self._progress.say(text)
        self.state_changed.emit()

"""Control of a batch: start, progress, end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari_mmtseg.batch.plan import BatchRequest
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.batch.run import BatchResult, BatchStep, iter_batch
from napari_mmtseg.napari.batch.table import BatchTableModel
from napari_mmtseg.napari.runs.preload import load_engine
from napari_mmtseg.napari.runs.progress import (
    ActivityBar,
    ProgressView,
    count,
    duration,
)
from napari_mmtseg.napari.runs.run import (
    Failed,
    Notice,
    Refused,
    RunQueue,
    show_problem,
)
from napari_mmtseg.progress import SegmentationStep, relay

_STOPPING = "Cancelling: the images under way are finished. Cancel again to leave them."


class BatchControl(QObject):
    """Runs one batch at a time and shows its progress.

    `state_changed` is emitted when a batch starts and when the next one can start.
    """

    state_changed = Signal()

    def __init__(
        self, images: BatchTableModel, progress: ProgressView, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._images = images
        self._progress = progress
        self._activity = ActivityBar(progress, self.cancel)
        self._labels = self._is_stopping = False
        self._queue = RunQueue(self)
        self._queue.reported.connect(self._on_reported)
        self._queue.ended.connect(self._on_ended)
        self._queue.started.connect(lambda: progress.text.setText("Starting…"))

    @property
    def is_running(self) -> bool:
        """Whether a batch is under way."""
        return self._queue.is_running

    def start(self, job: BatchJob) -> None:
        """Start a batch; without effect while one is under way."""
        if self.is_running:
            return
        self._labels = self._is_stopping = False
        n = len(self._images.records)
        self._activity.start(n, f"Label {count(n, 'image')}")
        self._progress.start(
            job.request.settings.n_steps, "Waiting for the cancelled run to end…"
        )
        self._queue.start(job.steps)
        self.state_changed.emit()

    def stop(self) -> None:
        """Begin no further image; cancel if called again or before the first image."""
        if not self._labels or self._is_stopping:
            self.cancel()
            return
        self._is_stopping = True
        self._queue.stop_and_keep()
        self._progress.text.setText(_STOPPING)

    def cancel(self) -> None:
        """End the batch at once and ignore its later reports; whole files stay."""
        if self.is_running:
            self._queue.cancel()
            self._images.end()
            self._leave("Cancelled.")

    def _on_reported(self, report: BatchReport | Notice) -> None:
        if isinstance(report, Notice):
            show_warning(report.text)
            return
        self._images.update_records(report.records)
        if report.fit is not None:
            self._progress.show_step(report.fit, report.fit.step)
        elif report.phase == "labelling":
            self._labels = True
            self._activity.show_step(report.n_done)
            self._progress.show_count(
                report.phase, report.n_done, report.n_items, "image"
            )
            if self._is_stopping:
                self._progress.text.setText(_STOPPING)

    def _on_ended(self, outcome: BatchResult | Refused | Failed | None) -> None:
        if isinstance(outcome, BatchResult):
            self._images.update_records(outcome.records)
            self._leave(_summary(outcome))
            return
        self._images.end()
        self._leave("Cancelled." if outcome is None else outcome.summary)
        if outcome is not None:
            show_problem(outcome)

    def _leave(self, text: str) -> None:
        self._activity.stop()
        self._progress.curve.hide()
        self._progress.say(text)
        self.state_changed.emit()


def _summary(result: BatchResult) -> str:
    n = {
        status: sum(record.status == status for record in result.records)
        for status in ("done", "skipped", "failed", "cancelled")
    }
    parts = [f"{count(n['done'], 'image')} labelled in {duration(result.seconds)}"]
    words = {"skipped": "done before", "failed": "failed", "cancelled": "left"}
    parts += [f"{n[status]:,} {text}" for status, text in words.items() if n[status]]
    return ", ".join(parts) + "."


_REPORT_INTERVAL = 0.25
"""Seconds between reports, so that thousands of tiny images do not flood the window."""


@dataclass(frozen=True)
class BatchReport:
    """Progress since the last report, with the new records of images.

    `phase` is that of :class:`BatchStep`, `fit` the progress of fitting the one model.
    """

    phase: str
    n_done: int
    n_items: int
    records: tuple[BatchRecord, ...] = field(default=(), repr=False)
    fit: SegmentationStep | None = None


@dataclass(frozen=True)
class BatchJob:
    """Label a folder of images, here or on the Dask scheduler at an address."""

    request: BatchRequest
    scheduler: str | None = None

    def steps(
        self, should_cancel: Callable[[], bool]
    ) -> Generator[BatchReport, str | None, BatchResult]:
        """Label the images; for a thread."""
        yield BatchReport("planning", 0, 0)
        load_engine()
        steps = iter_batch(
            self.request, scheduler=self.scheduler, should_cancel=should_cancel
        )
        return (yield from relay(steps, _Reports()))


class _Reports:
    """Collects steps to a report now and then, and at once in a new phase."""

    def __init__(self) -> None:
        self._records: dict[str, BatchRecord] = {}
        self._phase, self._due = "", 0.0

    def __call__(self, step: BatchStep) -> list[BatchReport]:
        for record in (*step.done_before, step.record):
            if record is not None:
                self._records[record.item.name] = record
        now = time.perf_counter()
        if step.phase == self._phase and now < self._due:
            return []
        self._phase, self._due = step.phase, now + _REPORT_INTERVAL
        records, self._records = tuple(self._records.values()), {}
        return [BatchReport(step.phase, step.n_done, step.n_items, records, step.fit)]

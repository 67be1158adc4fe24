"""A batch in a worker thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from napari_mmtseg._widgets.gentle_import import load_engine
from napari_mmtseg._widgets.outcomes import Notice
from napari_mmtseg.batch.plan import BatchRequest
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.batch.run import BatchResult, BatchStep, iter_batch
from napari_mmtseg.progress import SegmentationStep

__all__ = ["BatchJob", "BatchReport"]

_REPORT_INTERVAL = 0.2
"""Seconds between reports, so that thousands of tiny images do not flood the window."""

_MAX_NOTICES = 3
"""Warnings that are shown; a folder of thousands may give one for every image."""


@dataclass(frozen=True)
class BatchReport:
    """What has happened since the last report.

    Attributes
    ----------
    phase : str
        As in :class:`BatchStep`.
    n_done, n_items : int
        Images that are done with, and how many there are.
    records : tuple of BatchRecord
        Of the images that something has happened to.
    fit : SegmentationStep or None
        How far the one model is.
    """

    phase: str
    n_done: int
    n_items: int
    records: tuple[BatchRecord, ...] = field(default=(), repr=False)
    fit: SegmentationStep | None = None


@dataclass(frozen=True)
class BatchJob:
    """Label a folder of images.

    Attributes
    ----------
    request : BatchRequest
        What is asked for.
    scheduler : str or None
        Address of a Dask scheduler.
    """

    request: BatchRequest
    scheduler: str | None = None

    def steps(
        self, notices: list[str], should_cancel: Callable[[], bool]
    ) -> Generator[BatchReport | Notice, str | None, BatchResult]:
        """Do it; reports come now and then, and at once in a new phase."""
        stop = yield BatchReport("planning", 0, 0)
        load_engine()
        steps = iter_batch(
            self.request, scheduler=self.scheduler, should_cancel=should_cancel
        )
        answer: str | None = None  # what a fresh generator takes
        records: dict[str, BatchRecord] = {}
        phase, due, n_shown = "", 0.0, 0
        try:
            while True:
                try:
                    step = steps.send(answer)
                except StopIteration as end:
                    result: BatchResult = end.value
                    return result
                for record in step.done_before:
                    records[record.item.name] = record
                if step.record is not None:
                    records[step.record.item.name] = step.record
                while notices:
                    text = notices.pop(0)
                    n_shown += 1
                    if n_shown <= _MAX_NOTICES:
                        stop = (yield Notice(text)) or stop
                now = time.perf_counter()
                if step.phase != phase or now >= due:
                    phase, due = step.phase, now + _REPORT_INTERVAL
                    report = _report(step, tuple(records.values()))
                    records.clear()
                    stop = (yield report) or stop
                answer = stop
        finally:
            steps.close()


def _report(step: BatchStep, records: tuple[BatchRecord, ...]) -> BatchReport:
    return BatchReport(step.phase, step.n_done, step.n_items, records, step.fit)

"""Many images in one go: plan, one model for all, labels file by file, a summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from napari_mmtseg.batch.item import BatchTask, label_item
from napari_mmtseg.batch.journal import Journal
from napari_mmtseg.batch.model import (
    check_previous_model,
    digest,
    file_digest,
    make_model,
    read_model,
    settings_with,
)
from napari_mmtseg.batch.plan import BatchItem, BatchPlan, BatchRequest, plan_batch
from napari_mmtseg.batch.previous import (
    PreviousRun,
    note_begun,
    note_record,
    previous_run,
    remove_unfinished,
    start_journal,
)
from napari_mmtseg.batch.processes import run_in_processes
from napari_mmtseg.batch.record import BatchRecord, write_objects, write_summary
from napari_mmtseg.batch.runner import Hooks, TaskReport, run_here, run_tasks
from napari_mmtseg.errors import InputError, import_extra
from napari_mmtseg.progress import SegmentationStep, drain
from napari_mmtseg.settings.fields import SegmentationSettings

BatchPhase = Literal["planning", "fitting", "labelling", "finished"]


@dataclass(frozen=True)
class BatchStep:
    """Progress of a batch.

    Attributes
    ----------
    phase : {"planning", "fitting", "labelling", "finished"}
        Part of the batch that is under way.
    n_done, n_items : int
        Images that are done, failed ones included, and all of them.
    record : BatchRecord or None
        The image that has begun or ended.
    fit : SegmentationStep or None
        Progress of the model, while it is fitted.
    plan : BatchPlan or None
        In the first step: what will be done.
    done_before : tuple of BatchRecord
        In the first step: images that an earlier run has done.
    """

    phase: BatchPhase
    n_done: int
    n_items: int
    record: BatchRecord | None = None
    fit: SegmentationStep | None = field(default=None, repr=False)
    plan: BatchPlan | None = field(default=None, repr=False)
    done_before: tuple[BatchRecord, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class BatchResult:
    """Result of a batch.

    Attributes
    ----------
    records : tuple of BatchRecord
        One for every image, in the order of their names.
    model_path : Path or None
        The model of all images; None with a model for each.
    summary_path, settings_path : Path
        The table of all images, and the settings.
    seconds : float
        Wall time.
    """

    records: tuple[BatchRecord, ...]
    model_path: Path | None
    summary_path: Path
    settings_path: Path
    seconds: float

    @property
    def failed(self) -> tuple[BatchRecord, ...]:
        """Records of images that have no labels because of an error."""
        return tuple(r for r in self.records if r.status == "failed")


Steps = Generator[BatchStep, str | None, BatchResult]


def run_batch(request: BatchRequest, *, scheduler: Any = None) -> BatchResult:
    """Label all images of a folder.

    Parameters
    ----------
    request : BatchRequest
        Which images, and how.
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler, or a client of one, whose workers do the work;
        all see the folders under the same names.

    Returns
    -------
    BatchResult
        With a record of every image. A bad image is reported there and stops nothing.

    Raises
    ------
    InputError
        If the batch cannot be begun; see :func:`plan_batch`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from napari_mmtseg.batch import BatchRequest, run_batch
    >>> request = BatchRequest(Path("images"), Path("labels"), pattern="*.tif")
    >>> result = run_batch(request)  # doctest: +SKIP
    """
    return drain(iter_batch(request, scheduler=scheduler))


def iter_batch(
    request: BatchRequest,
    *,
    scheduler: Any = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Steps:
    """Do the same as :func:`run_batch`, as a generator of progress.

    A request that cannot be carried out is refused at once. ``send("stop")`` begins no
    further image, finishes those under way, and ends with a summary of what is done;
    ``close()`` just ends. Either way label files are whole, and a batch with `resume`
    goes on from there.

    Parameters
    ----------
    request, scheduler
        As for :func:`run_batch`.
    should_cancel : callable, optional
        Called often; once it returns True images under way are given up and
        :class:`Cancelled` is raised.

    Yields
    ------
    BatchStep
        At least two for every image: "running", then its outcome.

    Returns
    -------
    BatchResult
        The value of the generator's ``StopIteration``.

    Raises
    ------
    InputError
        As for :func:`run_batch`.
    """
    start = prepare(request)
    if request.file_format == "zarr":
        import_extra("ome_zarr.writer")
    settings = request.settings
    if request.model is not None:
        settings = settings_with(request.model, settings)
    if scheduler is not None:
        from napari_mmtseg.batch.cluster.connection import check_scheduler

        check_scheduler(scheduler)
    return _run(start, settings, scheduler, should_cancel or (lambda: False))


def records_before(
    request: BatchRequest, should_cancel: Callable[[], bool] | None = None
) -> tuple[BatchRecord, ...]:
    """Return the record of every image at the start of a batch, without starting it."""
    return tuple(prepare(request, should_cancel).records().values())


@dataclass(frozen=True)
class BatchStart:
    """State of a batch before it begins."""

    plan: BatchPlan
    journal: Journal
    previous: PreviousRun
    saved: bytes | None  # content of the model file that was given

    def records(self) -> dict[str, BatchRecord]:
        """Return a record of every image by name: waiting, or done before."""
        done = self.previous.done
        return {
            item.name: done.get(item.name, BatchRecord(item, "waiting"))
            for item in self.plan.items
        }


def prepare(
    request: BatchRequest, should_cancel: Callable[[], bool] | None = None
) -> BatchStart:
    """Plan a batch and compare it with what an earlier run has left."""
    plan = plan_batch(request, should_cancel)
    saved = None if request.model is None else read_model(request.model)
    same = ("mode", "fit_on", "file_format", "axes", "channel_axis", "series")
    about = {
        "source": str(request.source.resolve()),
        "settings": request.settings.to_dict(),
        "model": None if saved is None else digest(saved),
        **{name: getattr(request, name) for name in same},
        **({"measure": True} if request.measure else {}),
        **({"channels": list(request.channels)} if request.channels else {}),
    }
    journal = Journal(plan.journal_path, about)
    previous = previous_run(journal, plan) if request.resume else PreviousRun()
    if request.mode == "one_model" and saved is None:
        check_previous_model(plan, previous)
    return BatchStart(plan, journal, previous, saved)


def _run(
    start: BatchStart,
    settings: SegmentationSettings,
    scheduler: Any,
    should_cancel: Callable[[], bool],
) -> Steps:
    clock = time.perf_counter()
    plan, records = start.plan, start.records()
    before, n = start.previous.done, len(plan.items)
    first = BatchStep(
        "planning", len(before), n, plan=plan, done_before=tuple(before.values())
    )
    stopped = (yield first) == "stop"
    _make_folder(start, settings)
    is_complete = len(before) == n
    if plan.request.mode == "one_model" and not (is_complete or stopped):
        stopped = yield from _make_model(start, should_cancel)
    tasks = _tasks(start, settings)
    n_done = len(before)
    hooks = Hooks[BatchTask](
        should_cancel,
        lambda: stopped,
        lambda begun: note_begun(start.journal, [task.item for task in begun]),
    )
    if scheduler is None:
        n_workers = plan.request.n_workers
        pool = run_here() if n_workers == 1 else run_in_processes(n_workers)
        reports = run_tasks(pool, label_item, tasks, plan.request.target, hooks)
    else:
        from napari_mmtseg.batch.cluster.executor import run_on_cluster

        reports = run_on_cluster(
            scheduler, settings.device, label_item, tasks, plan.request.target, hooks
        )
    with closing(reports):
        for report in reports:
            record = None
            if report is not None:
                record = _record(report, records[report.task.name].item)
                records[record.item.name] = record
                if record.status != "running":
                    n_done += 1
                    note_record(start.journal, record)
            answer = yield BatchStep("labelling", n_done, n, record)
            stopped = answer == "stop" or stopped
    every = tuple(
        replace(r, status="cancelled") if r.status in ("waiting", "running") else r
        for r in records.values()
    )
    summary_path = write_summary(plan, every)
    if plan.request.measure:
        write_objects(plan, every)
    yield BatchStep("finished", n_done, n)
    model_path = _model_path(plan)
    seconds = time.perf_counter() - clock
    return BatchResult(every, model_path, summary_path, plan.settings_path, seconds)


def _tasks(start: BatchStart, settings: SegmentationSettings) -> list[BatchTask]:
    """Return the remaining tasks; their paths are valid in any working folder."""
    request, model, stamp = start.plan.request, _model_path(start.plan), ""
    if model is not None:
        model, stamp = model.absolute(), file_digest(model)
    return [
        BatchTask(
            replace(item, image=item.image.absolute(), labels=item.labels.absolute()),
            settings,
            model,
            stamp,
            request.axes,
            request.channel_axis,
            start.plan.table_path(item).absolute() if request.measure else None,
            request.series,
            request.channels,
        )
        for item in start.plan.items
        if item.name not in start.previous.done
    ]


def _model_path(plan: BatchPlan) -> Path | None:
    is_there = plan.request.mode == "one_model" and plan.model_path.exists()
    return plan.model_path if is_there else None


def _record(report: TaskReport[BatchTask, BatchRecord], item: BatchItem) -> BatchRecord:
    if report.result is not None:
        return replace(report.result, item=item)
    is_lost = report.status == "failed"
    return BatchRecord(item, report.status, error=report.error, is_lost=is_lost)


def _make_folder(start: BatchStart, settings: SegmentationSettings) -> None:
    plan, request = start.plan, start.plan.request
    try:
        # Not by the workers: a folder that is taken away does not come back.
        for folder in {request.target, *(item.labels.parent for item in plan.items)}:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {request.target} cannot be made: {error.strerror}."
        ) from error
    if request.resume:
        remove_unfinished(plan)
    else:
        if request.mode == "one_model" and start.saved is None:
            # From now on another one labels the images.
            plan.model_path.unlink(missing_ok=True)
        start_journal(start.journal, plan)
    settings.to_json(plan.settings_path)


def _make_model(
    start: BatchStart, should_cancel: Callable[[], bool]
) -> Generator[BatchStep, str | None, bool]:
    """Put the model into the folder; return whether to stop instead."""
    plan, previous = start.plan, start.previous
    n_done, n = len(previous.done), len(plan.items)
    try:
        with closing(make_model(plan, previous, start.saved, should_cancel)) as steps:
            for step in steps:
                if (yield BatchStep("fitting", n_done, n, fit=step)) == "stop":
                    return True
    except InputError:
        if not plan.request.resume:  # no image is begun
            plan.journal_path.unlink(missing_ok=True)
            plan.settings_path.unlink(missing_ok=True)
        raise
    start.journal.add({"model": file_digest(plan.model_path)})
    return False

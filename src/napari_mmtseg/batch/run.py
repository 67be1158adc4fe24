"""Many images in one go: plan, one model for all, labels file by file, a summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_mmtseg.batch.item import BatchTask
from napari_mmtseg.batch.journal import Journal, PreviousRun
from napari_mmtseg.batch.model import (
    SavedModel,
    check_past_model,
    digest,
    make_model,
    settings_with,
)
from napari_mmtseg.batch.plan import BatchPlan, BatchRequest, plan_batch
from napari_mmtseg.batch.record import BatchRecord, write_summary
from napari_mmtseg.batch.workers import InProcess, Processes, Workers
from napari_mmtseg.errors import Cancelled, InputError, import_extra
from napari_mmtseg.files.atomic import remove_leftovers
from napari_mmtseg.progress import SegmentationStep, drain
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["BatchResult", "BatchStep", "iter_batch", "records_before", "run_batch"]


@dataclass(frozen=True)
class BatchStep:
    """Progress of a batch.

    Attributes
    ----------
    phase : {"planning", "fitting", "labelling", "finished"}
        What is being done.
    n_done, n_items : int
        Images that are done, failed ones included, and all of them.
    record : BatchRecord or None
        The image that something has happened to.
    fit : SegmentationStep or None
        How far the model is, while it is fitted.
    plan : BatchPlan or None
        In the first step: what will be done.
    done_before : tuple of BatchRecord
        In the first step: images that an earlier run has done.
    """

    phase: str
    n_done: int
    n_items: int
    record: BatchRecord | None = None
    fit: SegmentationStep | None = field(default=None, repr=False)
    plan: BatchPlan | None = field(default=None, repr=False)
    done_before: tuple[BatchRecord, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class BatchResult:
    """What a batch ends with.

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
    >>> from napari_mmtseg.batch.run import BatchRequest, run_batch
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

    What cannot be is refused at once. ``send("stop")`` begins no further image, and
    ends with a summary of what is done; ``close()`` just ends. Either way label files
    are whole, and a batch with `resume` goes on from there.

    Parameters
    ----------
    request, scheduler
        As for :func:`run_batch`.
    should_cancel : callable, optional
        Asked often; once it returns True images under way are given up and
        :class:`Cancelled` is raised.

    Yields
    ------
    BatchStep
        At least two for every image: "running", then what came of it.

    Returns
    -------
    BatchResult
        The value of the generator's ``StopIteration``.

    Raises
    ------
    InputError
        As for :func:`run_batch`.
    """
    begin = _look(request)
    if request.summary == "parquet":
        import_extra("pyarrow")
    if request.file_format == "zarr":
        import_extra("ome_zarr.writer")
    settings = request.settings
    if request.model is not None:
        settings = settings_with(request.model, settings)
    workers = _workers(request, scheduler)
    workers.check()
    return _run(begin, settings, workers, should_cancel)


def records_before(
    request: BatchRequest, should_cancel: Callable[[], bool] | None = None
) -> tuple[BatchRecord, ...]:
    """Return a record of every image as a batch would begin; nothing is done.

    Parameters
    ----------
    request : BatchRequest
        As for :func:`run_batch`.
    should_cancel : callable, optional
        As for :func:`plan_batch`.

    Raises
    ------
    InputError
        As for :func:`run_batch`, but models and schedulers are not looked at.
    """
    begin = _look(request, should_cancel)
    done = begin.past.done
    return tuple(
        done.get(item.name, BatchRecord(item, "waiting")) for item in begin.plan.items
    )


@dataclass(frozen=True)
class _Begin:
    plan: BatchPlan
    journal: Journal
    past: PreviousRun
    saved: SavedModel | None


def _look(
    request: BatchRequest, should_cancel: Callable[[], bool] | None = None
) -> _Begin:
    plan = plan_batch(request, should_cancel)
    saved = None if request.model is None else SavedModel.read(request.model)
    about = {
        "source": str(request.source.resolve()),
        "settings": request.settings.to_dict(),
        "mode": request.mode,
        "model": None if saved is None else saved.digest,
        "fit_on": request.fit_on,
        "file_format": request.file_format,
        "axes": request.axes,
        "channel_axis": request.channel_axis,
    }
    journal = Journal(plan, about)
    past = journal.past() if request.resume else PreviousRun()
    if request.mode == "one_model" and saved is None:
        check_past_model(plan, past)
    return _Begin(plan, journal, past, saved)


def _workers(request: BatchRequest, scheduler: Any) -> Workers:
    if scheduler is not None:
        from napari_mmtseg.batch.cluster.workers import DaskWorkers

        return DaskWorkers(scheduler)
    return InProcess() if request.n_workers == 1 else Processes(request.n_workers)


def _run(
    begin: _Begin,
    settings: SegmentationSettings,
    workers: Workers,
    should_cancel: Callable[[], bool] | None,
) -> Steps:
    start = time.perf_counter()
    plan, journal, before = begin.plan, begin.journal, begin.past.done
    request, n = plan.request, len(plan.items)
    records = {
        item.name: before.get(item.name, BatchRecord(item, "waiting"))
        for item in plan.items
    }
    first = BatchStep(
        "planning", len(before), n, plan=plan, done_before=tuple(before.values())
    )
    stopped = (yield first) == "stop"
    _begin(begin, settings)
    waiting = [item for item in plan.items if item.name not in before]
    model_path, stamp = None, ""
    if request.mode == "one_model":
        if waiting and not stopped:
            try:
                stopped = yield from _make_model(begin, should_cancel)
            except InputError:
                if not request.resume:  # no image is begun
                    plan.journal_path.unlink(missing_ok=True)
                    plan.settings_path.unlink(missing_ok=True)
                raise
        if stamp := digest(plan.model_path):
            model_path = plan.model_path
    tasks = [
        BatchTask(item, settings, model_path, stamp, request.axes, request.channel_axis)
        for item in waiting
    ]

    def is_cancelled() -> bool:
        return should_cancel is not None and should_cancel()

    n_done = len(before)
    running = workers.run(tasks, lambda: stopped, is_cancelled, journal.note_begun)
    try:
        for record in running:
            if record is not None:
                if record.status in ("done", "failed"):
                    n_done += 1
                    journal.note(record)
                records[record.item.name] = record
            answer = yield BatchStep("labelling", n_done, n, record)
            stopped = answer == "stop" or stopped
    finally:
        running.close()
    if not stopped and is_cancelled():
        raise Cancelled("The batch was cancelled.")
    for name, record in records.items():
        if record.status in ("waiting", "running"):
            records[name] = replace(record, status="cancelled")
    every = tuple(records[item.name] for item in plan.items)
    summary_path = write_summary(plan, every)
    yield BatchStep("finished", n_done, n)
    return BatchResult(
        every,
        model_path,
        summary_path,
        plan.settings_path,
        time.perf_counter() - start,
    )


def _begin(begin: _Begin, settings: SegmentationSettings) -> None:
    plan = begin.plan
    request = plan.request
    try:
        request.target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {request.target} cannot be made: {error.strerror}."
        ) from error
    if request.resume:
        _clean_up(plan)
    else:
        if request.mode == "one_model" and begin.saved is None:
            # What labels the images from now on is another one.
            plan.model_path.unlink(missing_ok=True)
        begin.journal.begin()
    settings.to_json(plan.settings_path)


def _clean_up(plan: BatchPlan) -> None:
    """Take away what a killed run has left of its files."""
    names: dict[Path, set[str]] = {plan.request.target: set()}
    for item in plan.items:
        names.setdefault(item.labels.parent, set()).add(item.labels.name)
    own = (plan.model_path, plan.summary_path, plan.journal_path, plan.settings_path)
    names[plan.request.target].update(path.name for path in own)
    for folder, left in names.items():
        remove_leftovers(folder, left)


def _make_model(
    begin: _Begin, should_cancel: Callable[[], bool] | None
) -> Generator[BatchStep, str | None, bool]:
    """Put the model where it is kept; return whether to stop instead."""
    plan, past = begin.plan, begin.past
    steps = make_model(plan, past, begin.saved, should_cancel)
    try:
        for step in steps:
            progress = BatchStep("fitting", len(past.done), len(plan.items), fit=step)
            if (yield progress) == "stop":
                return True
    finally:
        steps.close()
    begin.journal.note_model(digest(plan.model_path))
    return False

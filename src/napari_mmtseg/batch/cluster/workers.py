"""Many images on the workers of a Dask cluster."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mmtseg.batch.cluster.connection import (
    CONNECTION_LOST,
    check_workers,
    connected,
    gpu_resources,
    waiting_for_workers,
)
from napari_mmtseg.batch.cluster.tasks import iter_tasks
from napari_mmtseg.batch.item import BatchTask, label_item
from napari_mmtseg.batch.plan import BatchItem
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.errors import import_extra

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["DaskWorkers"]


class DaskWorkers:
    """Labels images on a Dask cluster, one task for each.

    The workers read the images and the model and write the labels themselves, so all
    of them, and this process, need the folders under the same names. A task whose
    worker is lost is given to another one, as often as Dask's
    ``distributed.scheduler.allowed-failures`` says (3 times).

    Parameters
    ----------
    scheduler : str, path-like or distributed.Client
        Address of a scheduler such as ``"tcp://host:8786"``, a scheduler file, or a
        client, which is left open.

    Raises
    ------
    InputError
        If Dask is not installed.
    """

    def __init__(self, scheduler: str | Path | Client) -> None:
        import_extra("distributed")
        self._scheduler = scheduler

    def check(self) -> None:
        """Refuse a scheduler that does not answer and workers that do not fit."""
        with connected(self._scheduler) as client, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # said when the work begins
            check_workers(client)

    def run(
        self,
        tasks: Sequence[BatchTask],
        is_stopped: Callable[[], bool],
        should_cancel: Callable[[], bool],
        begin: Callable[[Sequence[BatchItem]], None],
    ) -> Generator[BatchRecord | None, None, None]:
        """Do it; see :class:`~napari_mmtseg.batch.workers.Workers`.

        Raises
        ------
        InputError
            If no scheduler answers, or its workers cannot do the work.
        """
        if not tasks:
            return
        items = {task.item.name: task.item for task in tasks}

        def is_ending() -> bool:
            return is_stopped() or should_cancel()

        with connected(self._scheduler) as client:
            ready = yield from waiting_for_workers(client, is_ending)
            if is_ending():
                return
            if not ready:
                for item in items.values():
                    yield BatchRecord(item, "failed", error=CONNECTION_LOST)
                return
            begin(list(items.values()))  # any of them may be done before it is told
            reports = iter_tasks(
                client,
                label_item,
                [_anywhere(task) for task in tasks],
                is_cancelled=is_ending,
                resources=gpu_resources(client, tasks[0].settings.device),
            )
            try:
                for report in reports:
                    if report is None:
                        yield None
                        continue
                    item = items[report.task.item.name]
                    if report.result is None:
                        lost = report.status == "failed"
                        yield BatchRecord(
                            item, report.status, error=report.error, is_lost=lost
                        )
                    else:
                        yield replace(report.result, item=item)
            finally:
                reports.close()


def _anywhere(task: BatchTask) -> BatchTask:
    """Return the same task for a process that works in another folder."""
    item = task.item
    return replace(
        task,
        item=replace(item, image=item.image.absolute(), labels=item.labels.absolute()),
        model=None if task.model is None else task.model.absolute(),
    )

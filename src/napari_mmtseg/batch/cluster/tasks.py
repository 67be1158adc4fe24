"""Tasks on a Dask cluster: handed out, followed, and cancelled without leftovers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import uuid4

from napari_mmtseg.batch.cluster.connection import (
    CONNECTION_LOST,
    check_version,
    our_version,
    threads_of_a_task,
)
from napari_mmtseg.errors import Cancelled
from napari_mmtseg.notices import warn

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["TaskReport", "Work", "iter_tasks"]

T = TypeVar("T")
R = TypeVar("R")

Work = Callable[[T, Callable[[], bool]], R]
"""Does a task. Asks the function now and then whether to give up; if so, it cleans up
and raises Cancelled."""

_RETRIES = 2
"""How often a task is tried again that failed. Those of a worker that was lost do not
count: the scheduler has a limit of its own for them."""

_BEAT = 0.05
"""Seconds between two looks at what has happened."""

_PATIENCE = 60.0
"""Seconds that cancelled tasks may take to end."""


@dataclass(frozen=True)
class TaskReport(Generic[T, R]):
    """What became of a task.

    Attributes
    ----------
    task : object
        The task.
    status : {"running", "done", "failed"}
        What is known of it.
    result : object or None
        What the work returned, once it is done.
    error : str
        Why it failed.
    """

    task: T
    status: str
    result: R | None = None
    error: str = ""


def iter_tasks(
    client: Client,
    work: Work[T, R],
    tasks: Sequence[T],
    *,
    is_cancelled: Callable[[], bool] | None = None,
    resources: Mapping[str, float] | None = None,
) -> Generator[TaskReport[T, R] | None, None, None]:
    """Do tasks on the workers of a cluster, and yield what becomes of each.

    Where it ends early, by ``close()`` or `is_cancelled`, tasks that wait are dropped
    and those that run are told to give up; it ends once none of them runs any more.

    Parameters
    ----------
    client : distributed.Client
        The connection.
    work : callable
        See :data:`Work`; it has to be importable on the workers.
    tasks : sequence
        What it is called with.
    is_cancelled : callable, optional
        Asked often; once it returns True this ends.
    resources : mapping, optional
        What a task takes of its worker, such as ``{"GPU": 1}``.

    Yields
    ------
    TaskReport or None
        When a task begins and when it ends; None where nothing has happened. A task
        whose worker is lost begins again. An error of a task is not raised here.
    """
    from distributed import as_completed

    if not tasks:
        return
    run = uuid4().hex
    begun: SimpleQueue[int] = SimpleQueue()
    client.subscribe_topic(run, lambda event: begun.put(event[1]))
    futures: list[Future[R]] = client.map(
        _on_worker,
        tasks,
        range(len(tasks)),
        work=work,
        run=run,
        version=our_version(),
        key=work.__name__,
        pure=False,
        retries=_RETRIES,
        resources=dict(resources) if resources else None,
    )
    left = {future: i for i, future in enumerate(futures)}
    unfinished = set(left.values())
    completed = as_completed(futures, loop=client.loop)
    del futures
    try:
        while left and not (is_cancelled is not None and is_cancelled()):
            while not begun.empty():
                if (number := begun.get()) in unfinished:
                    yield TaskReport(tasks[number], "running")
            if not completed.has_ready():
                time.sleep(_BEAT)
                yield None
                continue
            for future in completed.next_batch(block=False):
                number = left.pop(future)
                unfinished.discard(number)
                yield _ended(tasks[number], future)
    finally:
        if client.status == "running":
            client.unsubscribe_topic(run)
            if left:
                _cancel(client, run, list(left))


def _ended(task: T, future: Future[R]) -> TaskReport[T, R]:
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    try:
        return TaskReport(task, "done", future.result())
    except KilledWorker as lost:
        error = (
            f"{lost.allowed_failures + 1} workers in a row were lost while they did "
            f"this, the last one at {lost.last_worker.address}. Mostly they run out of "
            "memory: give them more, or start fewer on a machine. Their logs tell more."
        )
    except FutureCancelledError:
        error = CONNECTION_LOST
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    return TaskReport(task, "failed", error=error)


def _cancel(client: Client, run: str, futures: list[Future[Any]]) -> None:
    """Drop tasks that wait, tell those that run, and wait until these have ended."""
    client.cancel(futures)
    client.run(_give_up, run, on_error="ignore")
    last = time.monotonic() + _PATIENCE
    while any(client.run(_n_running, run, on_error="ignore").values()):
        if time.monotonic() > last:
            warn(
                f"Cancelled tasks still run after {_PATIENCE:g} s. Each ends with a "
                "whole file or none.",
                stacklevel=3,
            )
            return
        time.sleep(_BEAT)


# What follows runs on the workers: these belong to one of them.
_lock = Lock()
_running: Counter[str] = Counter()
_given_up: set[str] = set()


def _on_worker(task: T, number: int, *, work: Work[T, R], run: str, version: str) -> R:
    from distributed import get_worker

    from napari_mmtseg.engine.device import computing_threads

    def is_given_up() -> bool:
        return run in _given_up

    with _lock:
        _running[run] += 1
    try:
        if is_given_up():
            raise Cancelled
        worker = get_worker()
        check_version(worker.address, version)  # it may have joined in the middle
        worker.log_event(run, number)
        with computing_threads(threads_of_a_task()):
            return work(task, is_given_up)
    finally:
        with _lock:
            _running[run] -= 1
            if not _running[run]:
                del _running[run]


def _give_up(run: str) -> None:
    _given_up.add(run)


def _n_running(run: str) -> int:
    return _running.get(run, 0)

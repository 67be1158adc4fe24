"""Tasks on a Dask cluster: handed out, followed, and cancelled without leftovers."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import uuid4

from napari_mmtseg.clusters import threads_of_a_task
from napari_mmtseg.errors import Cancelled

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Outcome", "Work", "iter_tasks"]

T = TypeVar("T")
R = TypeVar("R")

Work = Callable[[T, Callable[[], bool]], R]
"""Does a task; asks now and then whether it shall give up, and raises Cancelled then."""

_RETRIES = 2
"""How often a task is tried again that failed on a worker. Those of a worker that was
lost are not counted: of that the scheduler takes care."""

_POLL_SECONDS = 0.05
_END_SECONDS = 60.0
"""How long cancelled tasks may take to end."""


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """What became of a task.

    Attributes
    ----------
    task : object
        The task.
    result : object or None
        What the work returned.
    error : str
        Why there is no result; empty where there is one.
    """

    task: T
    result: R | None
    error: str = ""


def iter_tasks(
    client: Client,
    work: Work[T, R],
    tasks: Sequence[T],
    *,
    should_cancel: Callable[[], bool] | None = None,
    resources: Mapping[str, float] | None = None,
) -> Generator[Outcome[T, R], str | None, None]:
    """Do tasks on the workers of a cluster, and yield what becomes of each.

    ``close()`` and ``send("stop")`` cancel those that are left, and end once none of
    them runs any more.

    Parameters
    ----------
    client : distributed.Client
        The connection.
    work : callable
        Takes a task and a function that tells whether to give up; importable.
    tasks : sequence
        What it is called with.
    should_cancel : callable, optional
        Asked often; once it returns True, :class:`Cancelled` is raised.
    resources : mapping, optional
        What a task takes of its worker, such as ``{"GPU": 1}``.

    Yields
    ------
    Outcome
        In the order in which tasks end; a task never raises.
    """
    from distributed import as_completed

    if not tasks:
        return
    run = uuid4().hex
    futures: list[Future[R]] = client.map(
        _on_worker,
        tasks,
        work=work,
        run=run,
        key=work.__name__,
        pure=False,
        retries=_RETRIES,
        resources=dict(resources or {}) or None,
    )
    of = dict(zip(futures, tasks, strict=True))
    del futures
    completed = as_completed(of, loop=client.loop)
    try:
        while of:
            if should_cancel is not None and should_cancel():
                raise Cancelled
            if not completed.has_ready():
                time.sleep(_POLL_SECONDS)
                continue
            for future in completed.next_batch(block=False):
                if (yield _outcome(of.pop(future), future)) == "stop":
                    return
    finally:
        if of:
            _cancel(client, run, list(of))


def _outcome(task: T, future: Future[R]) -> Outcome[T, R]:
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    try:
        return Outcome(task, future.result())
    except KilledWorker as lost:
        return Outcome(
            task,
            None,
            f"{lost.allowed_failures + 1} workers were lost one after the other while "
            f"they did this, the last one at {lost.last_worker.address}. Most often "
            "memory runs out: give workers more of it, or start fewer on a machine. "
            "Their logs tell more.",
        )
    except FutureCancelledError:
        return Outcome(
            task,
            None,
            "The connection to the scheduler was lost before this was done. Start the "
            "scheduler again and resume.",
        )
    except Exception as error:
        return Outcome(task, None, f"{type(error).__name__}: {error}")


def _cancel(client: Client, run: str, futures: list[Future[R]]) -> None:
    """Drop tasks that wait, tell those that run, and wait until these have ended."""
    if client.status != "running":
        return
    client.cancel(futures)
    client.run(_give_up, run, on_error="ignore")
    last = time.monotonic() + _END_SECONDS
    while any(client.run(_n_running, run, on_error="ignore").values()):
        if time.monotonic() > last:
            warnings.warn(
                f"Cancelled tasks still run after {_END_SECONDS:g} s; each ends with a "
                "whole file or none.",
                UserWarning,
                stacklevel=3,
            )
            return
        time.sleep(_POLL_SECONDS)


# What follows runs on the workers, and these are theirs.
_lock = Lock()
_running: Counter[str] = Counter()
_given_up: set[str] = set()


def _on_worker(task: T, work: Work[T, R], run: str) -> R:
    from napari_mmtseg.engine.threads import computing_threads

    def given_up() -> bool:
        return run in _given_up

    if given_up():
        raise Cancelled
    with _lock:
        _running[run] += 1
    try:
        with computing_threads(threads_of_a_task()):
            return work(task, given_up)
    finally:
        with _lock:
            _running[run] -= 1
            if not _running[run]:
                del _running[run]


def _give_up(run: str) -> None:
    _given_up.add(run)


def _n_running(run: str) -> int:
    return _running[run]

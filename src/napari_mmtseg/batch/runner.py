"""Tasks on the workers of an executor: handed over, followed, and ended cleanly."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from shutil import rmtree
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import uuid4

from napari_mmtseg.errors import Cancelled
from napari_mmtseg.files.atomic import PARTIAL
from napari_mmtseg.notices import warn

__all__ = [
    "CONNECTION_LOST",
    "Pool",
    "RunFolder",
    "TaskReport",
    "run_here",
    "run_tasks",
]

_BEAT = 0.1
"""Seconds between two looks at whether the run is to end."""

_LOOK = 1.0
"""Seconds between two looks of a worker at the run folder."""

_PATIENCE = 60.0
"""Seconds that cancelled tasks may take to end."""

_WORKER_DIED = (
    "Its worker process died twice, perhaps out of memory. Fewer workers leave more "
    "memory for each."
)
CONNECTION_LOST = (
    "The connection to the scheduler was lost before this was done. Start the "
    "scheduler again and resume."
)


class Task(Protocol):
    """Anything with a name of its own."""

    @property
    def name(self) -> str:
        """The name."""


T = TypeVar("T", bound=Task)
R = TypeVar("R")


@dataclass(frozen=True)
class TaskReport(Generic[T, R]):
    """What became of a task.

    Attributes
    ----------
    task : Task
        The task.
    status : {"running", "done", "failed"}
        "failed" if the work raised an error or its worker was lost.
    result : object or None
        Return value of the work, once it is done.
    error : str
        Why it failed.
    """

    task: T
    status: Literal["running", "done", "failed"]
    result: R | None = None
    error: str = ""


@dataclass(frozen=True)
class Pool:
    """Workers that tasks can be handed to.

    Attributes
    ----------
    open : callable
        Starts the workers and returns their executor. Its argument is to be called
        with the name of each task that begins, if `is_queued`.
    n_at_once : int
        Number of tasks that are handed over before the first of them is done.
    is_queued : bool
        Whether a task may wait after it is handed over; otherwise it begins at once.
    is_here : bool
        Whether the tasks run in this thread.
    """

    open: Callable[[Callable[[str], None]], Executor]
    n_at_once: int = 1
    is_queued: bool = False
    is_here: bool = False


def run_here() -> Pool:
    """Return a pool that does one task after the other in this thread."""
    return Pool(lambda begun: _InPlace(), is_here=True)


class _InPlace(Executor):
    """An executor that is done with a task when `submit` returns."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Call the function."""
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class RunFolder:
    """A hidden folder that exists as long as a run goes on.

    Workers in other processes and on other machines see it in the folder of the
    results, and give up when it is gone.
    """

    path: Path
    _is_gone: bool = False
    _due: float = field(default=0.0, repr=False)

    @classmethod
    def made(cls, parent: Path) -> RunFolder:
        """Make one in a folder, and remove those of killed runs."""
        for old in parent.glob(f"{PARTIAL}run-*/"):
            cls(old).remove()
        path = parent.absolute() / f"{PARTIAL}run-{uuid4().hex}"
        path.mkdir()
        return cls(path)

    def remove(self) -> None:
        """Let all workers give up."""
        rmtree(self.path, ignore_errors=True)

    def __call__(self) -> bool:
        """Return whether to give up; a worker calls this often."""
        if not self._is_gone and (now := time.monotonic()) >= self._due:
            self._due = now + _LOOK
            try:
                # Opening it asks the server, where a network file system would
                # answer `exists` from its cache for a while.
                os.scandir(self.path).close()
            except FileNotFoundError:
                self._is_gone = True
        return self._is_gone


def run_tasks(
    pool: Pool,
    work: Callable[[T, Callable[[], bool]], R],
    tasks: Sequence[T],
    folder: Path,
    *,
    should_cancel: Callable[[], bool],
    is_stopped: Callable[[], bool] = lambda: False,
    note_begun: Callable[[Sequence[T]], None] = lambda tasks: None,
) -> Generator[TaskReport[T, R] | None, None, None]:
    """Do tasks on the workers of a pool, and yield what becomes of each.

    A task whose process has died is tried once more, with no other one beside it. When
    this ends early, tasks under way give up, and it waits for them.

    Parameters
    ----------
    pool : Pool
        The workers.
    work : callable
        Does a task; the workers must be able to import it. It is given the task and a
        function to call often: once that returns True, it is to clean up and raise
        Cancelled.
    tasks : sequence of Task
        The tasks.
    folder : Path
        Existing folder that the workers see as well.
    should_cancel : callable
        Once it returns True, tasks under way give up.
    is_stopped : callable
        Once it returns True, nothing new begins; tasks under way are finished.
    note_begun : callable
        Called with tasks before any of them can begin.

    Yields
    ------
    TaskReport or None
        One when a task begins and one when it ends; None if nothing new has happened
        for a while.

    Raises
    ------
    Cancelled
        If `should_cancel` has returned True.
    """
    if tasks:
        yield from _Run(pool, work, tasks, folder, is_stopped, note_begun).reports(
            should_cancel
        )


class _Run(Generic[T, R]):
    def __init__(
        self,
        pool: Pool,
        work: Callable[[T, Callable[[], bool]], R],
        tasks: Sequence[T],
        folder: Path,
        is_stopped: Callable[[], bool],
        note_begun: Callable[[Sequence[T]], None],
    ) -> None:
        self._pool, self._work = pool, work
        self._is_stopped, self._note_begun = is_stopped, note_begun
        self._waiting, self._again = deque(tasks), deque[T]()
        self._under_way: dict[Future[R], T] = {}
        self._begun: set[str] = set()
        self._retried: set[str] = set()
        self._events: SimpleQueue[Future[R] | str] = SimpleQueue()
        self._executor = pool.open(self._events.put)
        self._folder = RunFolder.made(folder)

    def reports(
        self, should_cancel: Callable[[], bool]
    ) -> Generator[TaskReport[T, R] | None, None, None]:
        self._give_up = should_cancel if self._pool.is_here else self._folder
        try:
            while not should_cancel():
                if self._is_stopped():
                    self._drop_waiting()
                yield from self._hand_over()
                if not self._under_way:
                    return
                yield self._next_report()
            raise Cancelled("The run was cancelled. To go on with it, resume it.")
        finally:
            self._close()

    def _drop_waiting(self) -> None:
        self._waiting.clear()
        self._again.clear()
        for future, task in [*self._under_way.items()]:
            if task.name not in self._begun:
                future.cancel()
                self._under_way.pop(future)

    def _hand_over(self) -> Generator[TaskReport[T, R], None, None]:
        while tasks := self._next_tasks():
            self._note_begun(tasks)
            for task in tasks:
                if self._is_stopped():
                    return
                if not self._pool.is_queued:
                    self._begun.add(task.name)
                    yield TaskReport(task, "running")
                self._submit(task)

    def _next_tasks(self) -> list[T]:
        """Return what to hand over now."""
        if self._waiting:
            room = self._pool.n_at_once - len(self._under_way)
            return [
                self._waiting.popleft() for _ in range(min(room, len(self._waiting)))
            ]
        # One at a time: a task that kills its process again takes no other with it.
        is_free = self._again and not self._under_way
        return [self._again.popleft()] if is_free else []

    def _submit(self, task: T) -> None:
        try:
            future = self._executor.submit(self._work, task, self._give_up)
        except BrokenExecutor:  # one of its processes has died meanwhile
            self._executor.shutdown()
            self._executor = self._pool.open(self._events.put)
            future = self._executor.submit(self._work, task, self._give_up)
        self._under_way[future] = task
        future.add_done_callback(self._events.put)

    def _next_report(self) -> TaskReport[T, R] | None:
        try:
            event = self._events.get(timeout=_BEAT)
        except Empty:
            return None
        if isinstance(event, str):
            self._begun.add(event)
            tasks = (t for t in self._under_way.values() if t.name == event)
            task = next(tasks, None)
            return None if task is None else TaskReport(task, "running")
        task = self._under_way.pop(event, None)
        return None if task is None else self._ended(task, event)

    def _ended(self, task: T, future: Future[R]) -> TaskReport[T, R] | None:
        try:
            return TaskReport(task, "done", future.result())
        except Cancelled:
            raise
        except BrokenExecutor:
            if task.name not in self._retried:
                self._retried.add(task.name)
                self._again.append(task)
                return None
            error = _WORKER_DIED
        except CancelledError:
            error = CONNECTION_LOST
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
        return TaskReport(task, "failed", error=error)

    def _close(self) -> None:
        """Let tasks under way give up, and wait for them."""
        self._folder.remove()
        if self._under_way and self._pool.is_queued:
            time.sleep(_BEAT)  # names of tasks that have just begun are on their way
            while not self._events.empty():
                if isinstance(event := self._events.get(), str):
                    self._begun.add(event)
        begun = [f for f, t in self._under_way.items() if t.name in self._begun]
        if wait(begun, _PATIENCE).not_done:
            warn(
                f"Cancelled tasks still run after {_PATIENCE:g} s. Each ends with a "
                "whole file or none.",
                stacklevel=4,
            )
        self._executor.shutdown(cancel_futures=True)

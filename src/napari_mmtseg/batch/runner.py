"""Tasks on the workers of an executor: handed over, followed, and ended cleanly."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from shutil import rmtree
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import uuid4

from napari_mmtseg.errors import Cancelled
from napari_mmtseg.files.atomic import PARTIAL
from napari_mmtseg.notices import warn

_BEAT = 0.1
"""Seconds between two checks for the end of the run."""

_LOOK = 1.0
"""Seconds between two checks of the run folder by a worker."""

_PATIENCE = 60.0
"""Seconds that cancelled tasks may take to end."""

_WORKER_DIED = (
    "Its worker process died twice, perhaps out of memory. Fewer workers leave more "
    "memory for each."
)
_FOLDER_GONE = "The folder of the results was taken away before this was done."
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

Work = Callable[[T, Callable[[], bool]], R]
"""Does a task. It often calls the function that it is given; once that returns True it
cleans up and raises Cancelled."""


@dataclass(frozen=True)
class TaskReport(Generic[T, R]):
    """A task that has begun or ended, with the result or the error of the work."""

    task: T
    status: Literal["running", "done", "failed"]
    result: R | None = None
    error: str = ""


Reports = Generator[TaskReport[T, R] | None, None, None]


@dataclass(frozen=True)
class Hooks(Generic[T]):
    """Functions that a run calls.

    Once `should_cancel` returns True tasks under way give up; once `is_stopped` does
    they are finished and no other one begins. `note_begun` is called with tasks before
    any of them can begin.
    """

    should_cancel: Callable[[], bool]
    is_stopped: Callable[[], bool] = lambda: False
    note_begun: Callable[[Sequence[T]], None] = lambda tasks: None


@dataclass(frozen=True)
class Pool:
    """Workers that tasks can be handed to, `n_at_once` before the first is done.

    `open` starts them and returns their executor. If `is_queued`, a task that is handed
    over may wait, and the executor calls the argument of `open` with its name when it
    begins. If `is_here`, tasks run in this thread.
    """

    open: Callable[[Callable[[str], None]], Executor]
    n_at_once: int = 1
    is_queued: bool = False
    is_here: bool = False


def run_here() -> Pool:
    """Return a pool that does one task after the other in this thread."""
    return Pool(lambda begun: _InPlace(), is_here=True)


class _InPlace(Executor):
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
        """Make a run folder in `parent`, and remove those of killed runs."""
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
    pool: Pool, work: Work[T, R], tasks: Sequence[T], folder: Path, hooks: Hooks[T]
) -> Reports[T, R]:
    """Do tasks on the workers of a pool, and report the course of each.

    There is a report when a task begins and when it ends, and None now and then. A task
    whose process has died is tried once more, with no other one beside it. When this
    ends early, tasks under way give up, and it waits for them. Workers must be able to
    import `work` and to see `folder`.
    """
    if tasks:
        with closing(_Run(pool, work, tasks, folder, hooks)) as run:
            yield from run.reports()


class _Run(Generic[T, R]):
    def __init__(
        self,
        pool: Pool,
        work: Work[T, R],
        tasks: Sequence[T],
        folder: Path,
        hooks: Hooks[T],
    ) -> None:
        self.pool, self.work, self.hooks = pool, work, hooks
        self.waiting, self.again = deque(tasks), deque[T]()
        self.under_way: dict[Future[R], T] = {}
        self.begun: set[str] = set()
        self.retried: set[str] = set()
        self.events: SimpleQueue[Future[R] | str] = SimpleQueue()
        self.executor = pool.open(self.events.put)
        self.folder = RunFolder.made(folder)
        self.give_up = hooks.should_cancel if pool.is_here else self.folder

    def reports(self) -> Reports[T, R]:
        while not self.hooks.should_cancel():
            if self.hooks.is_stopped():
                self.drop_waiting()
            yield from self.hand_over()
            if not self.under_way:
                return
            yield self.next_report()
        raise Cancelled("The run was cancelled. To go on with it, resume it.")

    def drop_waiting(self) -> None:
        self.waiting.clear()
        self.again.clear()
        for future, task in [*self.under_way.items()]:
            if task.name not in self.begun:
                future.cancel()
                del self.under_way[future]

    def hand_over(self) -> Iterator[TaskReport[T, R]]:
        while tasks := self.next_tasks():
            self.hooks.note_begun(tasks)
            for task in tasks:
                if self.hooks.is_stopped():
                    return
                if not self.pool.is_queued:
                    self.begun.add(task.name)
                    yield TaskReport(task, "running")
                self.submit(task)

    def next_tasks(self) -> list[T]:
        if self.waiting:
            room = self.pool.n_at_once - len(self.under_way)
            return [self.waiting.popleft() for _ in range(min(room, len(self.waiting)))]
        # One at a time: a task that kills its process again takes no other with it.
        is_free = self.again and not self.under_way
        return [self.again.popleft()] if is_free else []

    def submit(self, task: T) -> None:
        try:
            future = self.executor.submit(self.work, task, self.give_up)
        except BrokenExecutor:  # one of its processes has died meanwhile
            self.executor.shutdown()
            self.executor = self.pool.open(self.events.put)
            future = self.executor.submit(self.work, task, self.give_up)
        self.under_way[future] = task
        future.add_done_callback(self.events.put)

    def next_report(self) -> TaskReport[T, R] | None:
        try:
            event = self.events.get(timeout=_BEAT)
        except Empty:
            return None
        if isinstance(event, str):
            self.begun.add(event)
            begun = (t for t in self.under_way.values() if t.name == event)
            return next((TaskReport(task, "running") for task in begun), None)
        task = self.under_way.pop(event, None)
        return None if task is None else self.ended(task, event)

    def ended(self, task: T, future: Future[R]) -> TaskReport[T, R] | None:
        try:
            return TaskReport(task, "done", future.result())
        except Cancelled:
            if self.hooks.should_cancel() or self.folder.path.exists():
                raise
            error = _FOLDER_GONE
        except BrokenExecutor:
            if task.name not in self.retried:
                self.retried.add(task.name)
                self.again.append(task)
                return None
            error = _WORKER_DIED
        except CancelledError:
            error = CONNECTION_LOST
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
        return TaskReport(task, "failed", error=error)

    def close(self) -> None:
        """Let tasks under way give up, and wait for them."""
        self.folder.remove()
        if self.under_way and self.pool.is_queued:
            time.sleep(_BEAT)  # names of tasks that have just begun are on their way
            while not self.events.empty():
                if isinstance(event := self.events.get(), str):
                    self.begun.add(event)
        begun = [f for f, t in self.under_way.items() if t.name in self.begun]
        if wait(begun, _PATIENCE).not_done:
            warn(
                f"Cancelled tasks still run after {_PATIENCE:g} s. Each ends with a "
                "whole file or none.",
            )
        self.executor.shutdown(cancel_futures=True)

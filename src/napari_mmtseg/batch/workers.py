"""Where the images of a batch are labelled: in this process or in several others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from napari_mmtseg.batch.item import BatchTask, label_item
from napari_mmtseg.batch.plan import BatchItem
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.errors import Cancelled

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

__all__ = ["InProcess", "Processes", "Records", "Workers"]

Tasks = Sequence[BatchTask]
Records = Generator[BatchRecord | None, None, None]

_BEAT = 0.1
"""Seconds between two looks at whether the batch is to end."""


class Workers(Protocol):
    """Something that labels images."""

    def check(self) -> None:
        """Refuse what would fail, before any work.

        Raises
        ------
        InputError
            If the images cannot be labelled so.
        """

    def run(
        self,
        tasks: Sequence[BatchTask],
        is_stopped: Callable[[], bool],
        should_cancel: Callable[[], bool],
        begin: Callable[[Sequence[BatchItem]], None],
    ) -> Records:
        """Label images, and yield records as they come.

        Parameters
        ----------
        tasks : sequence of BatchTask
            The images.
        is_stopped : callable
            Once it returns True nothing new is begun; what is in flight is given up or
            finished.
        should_cancel : callable
            Once it returns True what is in flight is given up as well. Nothing half
            written is left.
        begin : callable
            Told of images before anything of theirs can be written.

        Yields
        ------
        BatchRecord or None
            With the status "running" when an image is begun; None where nothing new
            has happened for a while.
        """


class InProcess:
    """Labels one image after the other, here."""

    def check(self) -> None:
        """Refuse nothing."""

    def run(
        self,
        tasks: Sequence[BatchTask],
        is_stopped: Callable[[], bool],
        should_cancel: Callable[[], bool],
        begin: Callable[[Sequence[BatchItem]], None],
    ) -> Records:
        """Do it; see :class:`Workers`."""
        for task in tasks:
            if is_stopped() or should_cancel():
                return
            begin([task.item])
            yield BatchRecord(task.item, "running")
            try:
                yield label_item(task, should_cancel)
            except Cancelled:
                return


class Processes:
    """Labels images in processes of this machine, which share its cores.

    Parameters
    ----------
    n : int
        Number of processes.
    """

    def __init__(self, n: int) -> None:
        self._n = n

    def check(self) -> None:
        """Refuse nothing."""

    def run(
        self,
        tasks: Sequence[BatchTask],
        is_stopped: Callable[[], bool],
        should_cancel: Callable[[], bool],
        begin: Callable[[Sequence[BatchItem]], None],
    ) -> Records:
        """Do it; see :class:`Workers`.

        A process that dies, for want of memory or in a library, takes the images in
        flight with it. They are tried once more, one at a time, to see whose fault it
        was.
        """
        run = _Run(is_stopped, should_cancel, begin)
        waiting = list(reversed(tasks))
        while waiting and not run.is_ending():
            suspects = yield from run.pool(waiting, self._n)
            while suspects and not run.is_ending():
                for task in (yield from run.pool(suspects, 1)):
                    if run.is_ending():
                        return
                    yield BatchRecord(
                        task.item,
                        "failed",
                        error="The process that labelled it has died twice, perhaps "
                        "for want of memory. Fewer workers leave more for each.",
                        is_lost=True,
                    )


@dataclass(frozen=True)
class _Run:
    is_stopped: Callable[[], bool]
    should_cancel: Callable[[], bool]
    begin: Callable[[Sequence[BatchItem]], None]

    def is_ending(self) -> bool:
        return self.is_stopped() or self.should_cancel()

    def pool(
        self, waiting: list[BatchTask], n: int
    ) -> Generator[BatchRecord | None, None, list[BatchTask]]:
        """Work until nothing is waiting or a process has died; return what it had."""
        threads = max((os.cpu_count() or 1) // n, 1)
        context = get_context("spawn")
        given_up = context.Event()
        pool = ProcessPoolExecutor(n, context, _start_worker, (threads, given_up))
        flying: dict[Future[BatchRecord], BatchTask] = {}
        try:
            while waiting or flying:
                while waiting and len(flying) < n and not self.is_ending():
                    task = waiting[-1]
                    self.begin([task.item])
                    with _deaf_to_interrupts():
                        future = pool.submit(_label, task)
                    flying[future] = waiting.pop()
                    yield BatchRecord(task.item, "running")
                if not flying or self.should_cancel():
                    break
                done, _ = wait(flying, _BEAT, FIRST_COMPLETED)
                if not done:
                    yield None
                for future in done:
                    record = future.result()
                    del flying[future]
                    yield record
        except BrokenProcessPool:
            pass
        finally:
            given_up.set()
            pool.shutdown(wait=True, cancel_futures=True)
        lost = []
        for future, task in flying.items():
            if future.cancelled() or future.exception() is not None:
                lost.append(task)
            else:
                yield future.result()
        return lost


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let processes that begin here inherit that Ctrl+C is none of their business.

    This process hears of it all the same, in another thread or after the block.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# What follows runs in the processes: this belongs to one of them.
_given_up: Event | None = None


def _label(task: BatchTask) -> BatchRecord:
    return label_item(task, None if _given_up is None else _given_up.is_set)


def _start_worker(n_threads: int, given_up: Event) -> None:
    global _given_up
    _given_up = given_up
    Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl+C reaches all processes of a terminal; the first one tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = str(n_threads)
    from napari_mmtseg.engine.device import use_threads

    use_threads(n_threads)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    # Killed, it has told nobody.
    os._exit(1)

"""Where the images of a batch are labelled: in this process or in several others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, Protocol

from napari_mmtseg.batch_item import BatchTask, label_item
from napari_mmtseg.batch_record import BatchRecord
from napari_mmtseg.errors import Cancelled

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

__all__ = ["InProcess", "Processes", "Records", "Workers"]

Tasks = Sequence[BatchTask]
Records = Generator[BatchRecord | None, None, None]

_BEAT = 0.1
"""Seconds between two looks at whether the batch is to end."""

_ATTEMPTS = 2
"""How often an image is tried whose worker has died."""


class Workers(Protocol):
    """Something that labels images."""

    def run(
        self,
        tasks: Sequence[BatchTask],
        is_stopped: Callable[[], bool],
        should_cancel: Callable[[], bool],
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

        Yields
        ------
        BatchRecord or None
            With the status "running" when an image is begun; None where nothing new
            has happened for a while.
        """


class InProcess:
    """Labels one image after the other, here."""

    def run(
        self,
        tasks: Sequence[BatchTask],
        is_stopped: Callable[[], bool],
        should_cancel: Callable[[], bool],
    ) -> Records:
        """Do it; see :class:`Workers`."""
        for task in tasks:
            if is_stopped() or should_cancel():
                return
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

    def run(
        self,
        tasks: Sequence[BatchTask],
        is_stopped: Callable[[], bool],
        should_cancel: Callable[[], bool],
    ) -> Records:
        """Do it; see :class:`Workers`.

        A process that dies, for want of memory or in a library, takes the images in
        flight with it: they are tried once more.
        """
        waiting = list(reversed([(task, 1) for task in tasks]))

        def is_ending() -> bool:
            return is_stopped() or should_cancel()

        while waiting and not is_ending():
            broken = yield from self._run(waiting, is_ending, should_cancel)
            if should_cancel():
                return
            for task, attempt in broken:
                if attempt < _ATTEMPTS:
                    waiting.append((task, attempt + 1))
                else:
                    yield BatchRecord(
                        task.item,
                        "failed",
                        error="The process that labelled it has died twice, perhaps "
                        "for want of memory. Fewer workers leave more for each.",
                    )

    def _run(
        self,
        waiting: list[tuple[BatchTask, int]],
        is_ending: Callable[[], bool],
        should_cancel: Callable[[], bool],
    ) -> Generator[BatchRecord | None, None, list[tuple[BatchTask, int]]]:
        """Work until nothing is waiting or a process has died; return what it had."""
        threads = max((os.cpu_count() or 1) // self._n, 1)
        context = get_context("spawn")
        given_up = context.Event()
        pool = ProcessPoolExecutor(self._n, context, _start_worker, (threads, given_up))
        flying: dict[Future[BatchRecord], tuple[BatchTask, int]] = {}
        broken: list[tuple[BatchTask, int]] = []
        try:
            while (waiting or flying) and not broken:
                while waiting and len(flying) < self._n and not is_ending():
                    one = waiting.pop()
                    flying[pool.submit(_label, one[0])] = one
                    yield BatchRecord(one[0].item, "running")
                if not flying or should_cancel():
                    break
                done, _ = wait(flying, _BEAT, FIRST_COMPLETED)
                if not done:
                    yield None
                for future in done:
                    one = flying.pop(future)
                    try:
                        record = future.result()
                    except BrokenProcessPool:
                        broken.append(one)
                    else:
                        yield record
        except BrokenProcessPool:
            pass
        finally:
            given_up.set()
            pool.shutdown(wait=True, cancel_futures=True)
        return broken + list(flying.values())


# What follows runs in the processes: this belongs to one of them.
_given_up: Event | None = None


def _label(task: BatchTask) -> BatchRecord:
    return label_item(task, None if _given_up is None else _given_up.is_set)


def _start_worker(n_threads: int, given_up: Event) -> None:
    global _given_up
    _given_up = given_up
    # Ctrl+C reaches all processes of a terminal; the first one tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = str(n_threads)
    from napari_mmtseg.engine.device import use_threads

    use_threads(n_threads)

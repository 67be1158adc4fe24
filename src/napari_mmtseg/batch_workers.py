"""Where the images of a batch are labelled: in this process or in several others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Protocol

from napari_mmtseg.batch_item import BatchTask, label_item
from napari_mmtseg.batch_record import BatchRecord

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
        self, tasks: Sequence[BatchTask], is_cancelled: Callable[[], bool]
    ) -> Records:
        """Label images, and yield records as they come.

        Parameters
        ----------
        tasks : sequence of BatchTask
            The images.
        is_cancelled : callable
            Once it returns True nothing new is begun; what is in flight is given up or
            finished, and nothing half written is left.

        Yields
        ------
        BatchRecord or None
            With the status "running" when an image is begun; None where nothing new
            has happened for a while.
        """


class InProcess:
    """Labels one image after the other, here."""

    def run(
        self, tasks: Sequence[BatchTask], is_cancelled: Callable[[], bool]
    ) -> Records:
        """Do it; see :class:`Workers`."""
        for task in tasks:
            if is_cancelled():
                return
            yield BatchRecord(task.item, "running")
            yield label_item(task)


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
        self, tasks: Sequence[BatchTask], is_cancelled: Callable[[], bool]
    ) -> Records:
        """Do it; see :class:`Workers`.

        A process that dies, for want of memory or in a library, takes the images in
        flight with it: they are tried once more.
        """
        waiting = list(reversed([(task, 1) for task in tasks]))
        while waiting and not is_cancelled():
            broken = yield from self._run(waiting, is_cancelled)
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
        is_cancelled: Callable[[], bool],
    ) -> Generator[BatchRecord | None, None, list[tuple[BatchTask, int]]]:
        """Work until nothing is waiting or a process has died; return what it had."""
        threads = max((os.cpu_count() or 1) // self._n, 1)
        pool = ProcessPoolExecutor(
            self._n, get_context("spawn"), _start_worker, (threads,)
        )
        flying: dict[Future[BatchRecord], tuple[BatchTask, int]] = {}
        broken: list[tuple[BatchTask, int]] = []
        try:
            while (waiting or flying) and not broken:
                while waiting and len(flying) < self._n and not is_cancelled():
                    one = waiting.pop()
                    flying[pool.submit(label_item, one[0])] = one
                    yield BatchRecord(one[0].item, "running")
                if not flying:
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
            pool.shutdown(wait=True, cancel_futures=True)
        return broken + list(flying.values())


def _start_worker(n_threads: int) -> None:
    # Ctrl+C reaches all processes of a terminal; the first one tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = str(n_threads)
    from napari_mmtseg.engine.device import use_threads

    use_threads(n_threads)

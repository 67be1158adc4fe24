"""Worker processes of this machine, which share its cores."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, TypeVar

from napari_mmtseg.batch.runner import Pool

R = TypeVar("R")


def run_in_processes(n: int) -> Pool:
    """Return a pool of `n` processes."""
    threads = max((os.cpu_count() or 1) // n, 1)
    return Pool(lambda begun: _Processes(n, threads), n)


class _Processes(ProcessPoolExecutor):
    def __init__(self, n: int, threads: int) -> None:
        super().__init__(n, get_context("spawn"), _start_worker, (threads,))

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Hand over a task; this may start a process."""
        with _sigint_blocked():
            return super().submit(fn, *args, **kwargs)


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block SIGINT in child processes started in this block.

    Ctrl+C reaches all processes of a terminal. This one receives it all the same, in
    another thread or after the block, and cancels the others.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(n_threads: int) -> None:
    """Prepare a process that has just begun."""
    Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = str(n_threads)
    from napari_mmtseg.engine.device import use_threads

    use_threads(n_threads)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)  # a parent that was killed cannot ask for it

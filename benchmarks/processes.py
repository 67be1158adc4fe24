"""Work on several cores, with a fixed number of threads in each process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

import numpy as np

# scikit-learn is loaded here so that no run is timed with it.
import sklearn.cluster
import sklearn.mixture  # noqa: F401
import torch
from threadpoolctl import threadpool_limits

import napari_mmtseg as mm

T = TypeVar("T")
R = TypeVar("R")


def in_processes(
    work: Callable[[T], R], tasks: Sequence[T], processes: int, threads: int
) -> Iterator[R]:
    """Do all tasks, as many at a time as there are processes.

    Parameters
    ----------
    work : callable
        Must be importable by other processes.
    tasks : sequence
        What it is called with.
    processes : int
        With 1 or 0 no other process is started.
    threads : int
        Threads of each process.

    Yields
    ------
    object
        What `work` returns, in the order in which tasks end.
    """
    if processes <= 1:
        before = torch.get_num_threads()
        limits = _prepare(threads)
        try:
            yield from map(work, tasks)
        finally:
            limits.restore_original_limits()
            torch.set_num_threads(before)
        return
    pool = ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=_prepare, initargs=(threads,)
    )
    try:
        futures = [pool.submit(work, task) for task in tasks]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare(threads: int) -> threadpool_limits:
    """Set the number of threads, and load what the first run would be timed with."""
    limits = threadpool_limits(threads)
    torch.set_num_threads(threads)
    mm.segment(np.eye(16), n_steps=1, warm_start_steps=1)
    return limits

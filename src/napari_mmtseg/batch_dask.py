"""Many images on the workers of a Dask cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_mmtseg.batch_item import BatchTask, label_item
from napari_mmtseg.batch_record import BatchRecord
from napari_mmtseg.errors import InputError

__all__ = ["DaskWorkers", "connected", "on_worker"]

_PATIENCE = 10
"""Seconds in which a scheduler has to answer."""

_BEAT = 0.1
"""Seconds between two looks at whether the work is to end."""


class DaskWorkers:
    """Labels images on a Dask cluster, one task for each.

    The workers read the images and write the labels themselves, so all of them, and
    this process, need the folders under the same names. A task whose worker is lost is
    given to another one, as often as Dask's ``distributed.scheduler.allowed-failures``
    says (3 times).

    Parameters
    ----------
    scheduler : str or distributed.Client
        Address of a scheduler such as ``"tcp://host:8786"``, name of a scheduler file,
        or a client, which is left open.

    Raises
    ------
    InputError
        If Dask is not installed.
    """

    def __init__(self, scheduler: Any) -> None:
        _import_distributed()
        self._scheduler = scheduler

    def run(
        self, tasks: Sequence[BatchTask], is_cancelled: Callable[[], bool]
    ) -> Generator[BatchRecord | None, None, None]:
        """Do it; see :class:`~napari_mmtseg.batch_workers.Workers`."""
        with connected(self._scheduler) as client:
            futures = {
                client.submit(on_worker, label_item, task, pure=False): task
                for task in tasks
            }
            for future in _completed(client, futures, is_cancelled):
                if future is None:
                    yield None
                    continue
                task = futures[future]
                try:
                    record = future.result()
                except Exception as error:  # a lost worker, or what it lacks
                    record = BatchRecord(task.item, "failed", error=_words(error))
                future.release()
                yield record


def on_worker(do: Callable[[Any], Any], task: Any) -> Any:
    """Do a task with as many threads as the worker that it runs on has.

    Parameters
    ----------
    do : callable
        Takes the task.
    task : object
        The task.
    """
    import torch
    from distributed import get_worker

    before = torch.get_num_threads()
    torch.set_num_threads(max(int(get_worker().state.nthreads), 1))
    try:
        return do(task)
    finally:
        torch.set_num_threads(before)


@contextmanager
def connected(scheduler: Any) -> Generator[Any, None, None]:
    """Yield a client of a scheduler; one that was made here is closed.

    Raises
    ------
    InputError
        If the scheduler does not answer, or its workers lack this package.
    """
    distributed = _import_distributed()
    if isinstance(scheduler, distributed.Client):
        _check_versions(scheduler)
        yield scheduler
        return
    where: dict[str, Any] = {"address": str(scheduler)}
    if Path(str(scheduler)).is_file():
        where = {"scheduler_file": str(scheduler)}
    try:
        client = distributed.Client(
            **where, timeout=_PATIENCE, set_as_default=False, name="mmtseg"
        )
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"No Dask scheduler answers at {scheduler}: {error}. Start one with `dask "
            "scheduler`, and workers with `dask worker ADDRESS`; it says its address, "
            "such as tcp://host:8786."
        ) from error
    try:
        _check_versions(client)
        yield client
    finally:
        client.close()


def _completed(
    client: Any, futures: Any, is_cancelled: Callable[[], bool]
) -> Generator[Any, None, None]:
    """Yield futures as they complete, None while none does; cancel what is left."""
    from distributed import as_completed

    left = set(futures)
    try:
        ready = as_completed(list(futures))
        while left and not is_cancelled():
            if not ready.has_ready():
                time.sleep(_BEAT)
                yield None
                continue
            for future in ready.next_batch(block=False):
                left.discard(future)
                yield future
    finally:
        if left:
            client.cancel(list(left), force=True)


def _check_versions(client: Any) -> None:
    """Refuse workers without this package, or with another version of it."""
    here = version("napari-mmtseg")
    try:
        there = client.run(_worker_version)
    except Exception as error:
        raise InputError(
            f"The Dask workers cannot import napari_mmtseg ({error}). Install the same "
            "version there as here."
        ) from error
    others = {name: v for name, v in there.items() if v != here}
    if others:
        name, other = next(iter(others.items()))
        raise InputError(
            f"The Dask worker {name} has napari-mmtseg {other}; here it is {here}. "
            "Install the same version on all."
        )


def _worker_version() -> str:
    return version("napari-mmtseg")


def _words(error: Exception) -> str:
    if type(error).__name__ == "KilledWorker":
        return (
            "The workers that labelled it were lost again and again, perhaps for want "
            f"of memory: {error}"
        )
    return f"{type(error).__name__}: {error}"


def _import_distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise InputError(
            'A scheduler needs Dask: pip install "napari-mmtseg[dask]".'
        ) from None
    return distributed

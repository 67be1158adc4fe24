"""Tasks on a Dask cluster, through the executor of its client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from napari_mmtseg.batch.cluster.connection import (
    check_version,
    connected,
    gpu_resources,
    our_version,
    threads_of_a_task,
    waiting_for_workers,
)
from napari_mmtseg.batch.runner import (
    CONNECTION_LOST,
    Hooks,
    Pool,
    Reports,
    Task,
    TaskReport,
    Work,
    run_tasks,
)
from napari_mmtseg.errors import Cancelled

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T", bound=Task)
R = TypeVar("R")

_RETRIES = 1
"""Further tries of a task that failed. Those of a worker that was lost do not count:
the scheduler has a limit of its own for them."""

_N_AT_ONCE = 1000
"""Tasks that the scheduler knows of: enough for a cluster that grows with its work,
and so few that cancelling them takes a second."""


def run_on_cluster(
    scheduler: str | Path | Client,
    device: str,
    work: Work[T, R],
    tasks: Sequence[T],
    folder: Path,
    hooks: Hooks[T],
) -> Reports[T, R]:
    """Do the same as :func:`~napari_mmtseg.batch.runner.run_tasks`, on a cluster.

    A task whose worker is lost is given to another one, as often as Dask's
    ``distributed.scheduler.allowed-failures`` says (3 times).
    """
    if not tasks:
        return
    with connected(scheduler) as client:
        yield from waiting_for_workers(
            client, lambda: hooks.is_stopped() or hooks.should_cancel()
        )
        if client.status != "running":
            for task in tasks:
                yield TaskReport(task, "failed", error=CONNECTION_LOST)
            return
        yield from run_tasks(cluster_pool(client, device), work, tasks, folder, hooks)


def cluster_pool(client: Client, device: str) -> Pool:
    """Return a pool of all workers; tasks that use a GPU get one each."""
    resources = gpu_resources(client, device)
    return Pool(
        lambda begun: _ClusterExecutor(client, resources, begun),
        _N_AT_ONCE,
        is_queued=True,
    )


class _ClusterExecutor(Executor):
    """The executor of a client, for one run.

    Beyond what `client.get_executor()` does, it reports which tasks have begun, and a
    worker refuses tasks of another version and uses the threads that it was given.
    """

    def __init__(
        self, client: Client, resources: dict[str, float], begun: Callable[[str], None]
    ) -> None:
        self._client, self._topic = client, uuid4().hex
        client.subscribe_topic(self._topic, lambda event: begun(event[1]))
        self._executor = client.get_executor(
            pure=False, retries=_RETRIES, resources=resources or None
        )

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Hand over a task."""
        if self._client.status in ("closing", "closed"):
            future: Future[R] = Future()
            future.cancel()
            return future
        handed: Future[R] = self._executor.submit(
            _on_worker, fn, *args, topic=self._topic, version=our_version(), **kwargs
        )
        return handed

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Drop all tasks that are not done."""
        if self._client.status == "running":
            self._client.unsubscribe_topic(self._topic)
            self._executor.shutdown(wait=False)


def _on_worker(
    work: Work[T, R],
    task: T,
    should_cancel: Callable[[], bool],
    *,
    topic: str,
    version: str,
) -> R:
    from distributed import get_worker

    from napari_mmtseg.engine.device import repeatable

    if should_cancel():
        raise Cancelled
    worker = get_worker()
    # It may have joined in the middle.
    check_version(worker.address, our_version(), version)
    worker.log_event(topic, task.name)
    with repeatable(threads_of_a_task()):
        return work(task, should_cancel)

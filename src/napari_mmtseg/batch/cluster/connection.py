"""Connection to a Dask cluster, and checks of its workers."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mmtseg.errors import InputError, import_extra
from napari_mmtseg.notices import warn

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 5.0
"""Seconds that an address may take to answer."""

_BEAT = 0.2
"""Seconds between two checks for a worker."""

_HOW_TO_START = (
    "Start a scheduler with 'dask scheduler' on one machine and 'dask worker "
    "tcp://HOST:8786 --nthreads 1 --nworkers N' on others, and give the address that "
    "the scheduler prints, such as tcp://HOST:8786, or the file that both were given "
    "with --scheduler-file"
)

_OURS = "napari-mmtseg"
_LIBRARIES = (_OURS, "torch", "numpy", "scipy", "scikit-image")
"""Libraries whose version may change labels; Dask compares its own."""


@contextmanager
def connected(scheduler: str | Path | Client) -> Iterator[Client]:
    """Connect to a cluster; a connection that was made here is closed again."""
    distributed = import_extra("distributed")
    if isinstance(scheduler, distributed.Client):
        if scheduler.asynchronous or scheduler.status != "running":
            raise InputError(
                f"The client is {scheduler.status}"
                f"{' and asynchronous' * scheduler.asynchronous}. Accepted: one that "
                "is connected and was made without asynchronous=True."
            )
        yield scheduler
        return
    client = _connect(str(scheduler))
    try:
        yield client
    finally:
        client.close()


def _connect(scheduler: str) -> Client:
    from distributed import Client

    is_file = scheduler.endswith(".json") or Path(scheduler).is_file()
    if is_file and not Path(scheduler).is_file():
        raise InputError(
            f"There is no scheduler file {scheduler}. Start one with 'dask scheduler "
            f"--scheduler-file {scheduler}'."
        )
    where = {"scheduler_file" if is_file else "address": scheduler}
    try:
        if not is_file:
            _check_address(scheduler)
        return Client(
            **where, timeout=CONNECT_SECONDS, set_as_default=False, name="mmtseg"
        )
    except (OSError, TimeoutError) as error:
        raise InputError(
            f"No Dask scheduler answers at {scheduler} within {CONNECT_SECONDS:g} s. "
            f"{_HOW_TO_START}."
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{scheduler!r} is not an address of a Dask scheduler ({error}). "
            f"{_HOW_TO_START}."
        ) from error


def _check_address(address: str) -> None:
    """Raise a ValueError where a client would try for a long time."""
    from distributed.comm.addressing import parse_address, parse_host_port

    scheme, place = parse_address(address)
    if scheme in ("tcp", "tls", "ws", "wss"):
        _, port = parse_host_port(place)
        if not 0 < port < 2**16:
            raise ValueError(f"there is no port {port}")


def check_scheduler(scheduler: str | Path | Client) -> None:
    """Refuse a scheduler that does not answer, and workers that do not fit."""
    with connected(scheduler) as client:
        check_workers(client)  # other versions are mentioned when the work begins


def waiting_for_workers(
    client: Client, should_cancel: Callable[[], bool]
) -> Generator[None, None, None]:
    """Wait for a worker, a cancellation or the loss of the connection; check all."""
    warned = False
    while client.status == "running" and not _has_workers(client):
        if not warned:
            warned = True
            address = client.scheduler.address if client.scheduler else "ADDRESS"
            warn(
                f"The Dask scheduler {address} has no workers yet. The work waits "
                f"until one joins: dask worker {address}",
            )
        yield
        if should_cancel():
            return
        time.sleep(_BEAT)
    if client.status == "running" and (other := check_workers(client)):
        warn(
            f"Some Dask workers have other versions than this process: {other}. "
            "Labels may differ in a few pixels.",
        )


def _has_workers(client: Client) -> bool:
    return bool(client.scheduler_info(n_workers=1)["workers"])


def check_workers(client: Client) -> str:
    """Refuse workers without this version of the package; return other differences."""
    here = _versions()
    others: Counter[str] = Counter()
    for worker, versions in client.run(_versions, on_error="return").items():
        if isinstance(versions, Exception):
            raise InputError(
                f"The Dask worker {worker} cannot import napari_mmtseg ({versions}). "
                "Install the same version on all machines of the cluster."
            )
        check_version(worker, versions[_OURS], here[_OURS])
        others.update(
            f"{library} {there} instead of {here[library]}"
            for library, there in versions.items()
            if there != here[library]
        )
    return ", ".join(f"{what} (on {n})" for what, n in sorted(others.items()))


def check_version(worker: str, there: str, here: str) -> None:
    """Refuse a worker with another version of napari-mmtseg than the run."""
    if there != here:
        raise InputError(
            f"The Dask worker {worker} has {_OURS} {there}, but the run was started "
            f"with {here}. Install the same version on all machines."
        )


@cache
def our_version() -> str:
    """Return the version of napari-mmtseg."""
    return _versions()[_OURS]


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found


def gpu_resources(client: Client, device: str) -> dict[str, float]:
    """Return the resources of a task that keep two from sharing a GPU."""
    if device == "cpu":
        return {}
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    declared = any(worker.get("resources", {}).get("GPU") for worker in workers)
    return {"GPU": 1} if declared else {}


def threads_of_a_task() -> int:
    """Return the number of threads that a task of this worker computes with.

    A worker that was given n cores does n tasks at a time, each with one thread;
    OMP_NUM_THREADS asks for one task with many threads.
    """
    asked: Any = os.environ.get("OMP_NUM_THREADS", "1").split(",")[0]
    return max(int(asked), 1) if asked.strip().isdigit() else 1

"""A Dask cluster: find it, see whether it fits, and let it know when to give up."""

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

__all__ = [
    "CONNECTION_LOST",
    "check_version",
    "check_workers",
    "connected",
    "gpu_resources",
    "our_version",
    "threads_of_a_task",
    "waiting_for_workers",
]

CONNECT_SECONDS = 5.0
"""How long an address may take to answer."""

CONNECTION_LOST = (
    "The connection to the scheduler was lost before this was done. Start the "
    "scheduler again and resume."
)

_BEAT = 0.2
"""Seconds between two looks at whether a worker has joined."""

_HOW_TO_START = (
    "Start a scheduler with 'dask scheduler' on one machine and 'dask worker "
    "tcp://HOST:8786 --nthreads 1 --nworkers N' on others, and give the address that "
    "the scheduler prints, such as tcp://HOST:8786, or the file that both were given "
    "with --scheduler-file"
)

_OURS = "napari-mmtseg"
_LIBRARIES = (_OURS, "torch", "numpy", "scipy", "scikit-image")
"""What has a part in the labels; Dask compares its own versions."""


@contextmanager
def connected(scheduler: str | Path | Client) -> Iterator[Client]:
    """Connect to a cluster; a connection that was made here is closed again.

    Parameters
    ----------
    scheduler : str, path-like or distributed.Client
        Address of a scheduler, a scheduler file, or a connection that stays open.

    Yields
    ------
    distributed.Client
        The connection.

    Raises
    ------
    InputError
        If Dask is not installed or nothing answers.
    """
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
            f"{scheduler!r} is no address of a Dask scheduler ({error}). "
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


def waiting_for_workers(
    client: Client, is_cancelled: Callable[[], bool]
) -> Generator[None, None, bool]:
    """Wait until workers are there, and check them as :func:`check_workers` does.

    Returns
    -------
    bool
        Whether they are there; not if `is_cancelled` has returned True or the
        connection is lost.
    """
    told = False
    while client.status == "running" and not _has_workers(client):
        if not told:
            told = True
            address = client.scheduler.address if client.scheduler else "ADDRESS"
            warn(
                f"The Dask scheduler {address} has no workers yet. The work waits "
                f"until one joins: dask worker {address}",
                stacklevel=3,
            )
        yield
        if is_cancelled():
            return False
        time.sleep(_BEAT)
    if client.status != "running":
        return False
    check_workers(client)
    return True


def _has_workers(client: Client) -> bool:
    return bool(client.scheduler_info(n_workers=1)["workers"])


def check_workers(client: Client) -> None:
    """Refuse workers that lack this version of the package; warn of what else differs.

    Raises
    ------
    InputError
        If napari-mmtseg is not there, or another version of it.
    """
    found = client.run(_versions, on_error="return")
    here = _versions()
    others: Counter[str] = Counter()
    for worker, versions in found.items():
        if isinstance(versions, Exception):
            raise InputError(
                f"The Dask worker {worker} cannot import napari_mmtseg ({versions}). "
                "Install the same version on all machines of the cluster."
            )
        _compare(worker, versions[_OURS], here[_OURS])
        others.update(
            f"{library} {there} instead of {here[library]}"
            for library, there in versions.items()
            if there != here[library]
        )
    if others:
        listed = ", ".join(f"{what} (on {n})" for what, n in sorted(others.items()))
        warn(
            f"Of {len(found)} Dask workers some have other versions than this process: "
            f"{listed}. Labels may differ in a few pixels.",
            stacklevel=4,
        )


def check_version(worker: str, wanted: str) -> None:
    """Refuse, on a worker, to work for a process with another version.

    Raises
    ------
    InputError
        If it has one.
    """
    _compare(worker, our_version(), wanted)


def _compare(worker: str, there: str, here: str) -> None:
    if there != here:
        raise InputError(
            f"The Dask worker {worker} has {_OURS} {there}; where the work was begun "
            f"it is {here}. Install the same version on all machines."
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
    """Return what a task takes of a worker, so that no two share a GPU.

    Parameters
    ----------
    client : distributed.Client
        The connection.
    device : str
        As in the settings.
    """
    if device == "cpu":
        return {}
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    declared = any(worker.get("resources", {}).get("GPU") for worker in workers)
    return {"GPU": 1} if declared else {}


def threads_of_a_task() -> int:
    """Return how many threads a task of this worker may compute with.

    A worker that was given n cores does n tasks at a time, each with one thread; those
    who want one task with many threads say so with OMP_NUM_THREADS.
    """
    asked: Any = os.environ.get("OMP_NUM_THREADS", "1").split(",")[0]
    return max(int(asked), 1) if asked.strip().isdigit() else 1

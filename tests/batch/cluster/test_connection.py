import re
import socket
import sys

import pytest

from napari_mmtseg import InputError
from napari_mmtseg.batch.cluster import connection as clusters
from napari_mmtseg.batch.cluster.connection import (
    check_workers,
    connected,
    gpu_resources,
    threads_of_a_task,
    waiting_for_workers,
)
from tests.batch.cluster.local import local_cluster


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_address_or_a_file_is_connected_to_and_closed(cluster, tmp_path):
    path = tmp_path / "scheduler.json"
    with connected(cluster.scheduler_address) as client:
        assert client.status == "running"
        client.write_scheduler_file(str(path))
    assert client.status == "closed"
    with connected(path) as client:
        assert client.scheduler.address == cluster.scheduler_address


def test_a_client_stays_open(client):
    with connected(client) as same:
        assert same is client
    assert client.status == "running"
    client.close()
    with pytest.raises(InputError, match="The client is closed"), connected(client):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{}", "127.0.0.1:{}"])
def test_an_address_that_does_not_answer(address, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 0.3)
    with (
        pytest.raises(InputError, match="dask scheduler"),
        connected(address.format(free_port())),
    ):
        pass


@pytest.mark.parametrize(
    "address",
    ["nonsense://x", "none/scheduler.json", "", "127.0.0.1", "tcp://h:99999", "h:x"],
)
def test_what_is_no_address(address, monkeypatch):
    distributed = pytest.importorskip("distributed")
    # One that is made takes seconds to give up, and again to be taken away.
    monkeypatch.setattr(distributed, "Client", _NoClient)
    with (
        pytest.raises(InputError, match="dask scheduler"),
        connected(address),
    ):
        pass


class _NoClient:
    pass


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"napari-mmtseg\[dask\]"), connected("x"):
        pass


def test_workers_of_another_version_are_refused(client, monkeypatch):
    here = clusters._versions()
    monkeypatch.setattr(
        clusters, "_versions", _pretend({**here, "napari-mmtseg": "0.0.1"}, here)
    )
    with pytest.raises(InputError, match=r"napari-mmtseg 0\.0\.1, but the run"):
        check_workers(client)
    monkeypatch.setattr(clusters, "_versions", _pretend({**here, "torch": "1.0"}, here))
    assert re.fullmatch(r"torch 1\.0 instead of .* \(on 2\)", check_workers(client))
    with pytest.warns(UserWarning, match=r"other versions .* torch 1\.0 instead of"):
        assert list(waiting_for_workers(client, lambda: False)) == []


class _pretend:
    """Says one thing on workers, where it arrives as a copy, and another one here."""

    def __init__(self, there, here):
        self._there, self._here = there, here

    def __reduce__(self):
        return _pretend, (self._there, self._there)

    def __call__(self):
        return self._here


def test_workers_are_waited_for_and_then_checked(monkeypatch):
    here = clusters._versions()
    monkeypatch.setattr(
        clusters, "_versions", _pretend({**here, "napari-mmtseg": "0.0.1"}, here)
    )
    with local_cluster(0) as empty, connected(empty.scheduler_address) as client:
        asked = []
        with pytest.warns(UserWarning, match="no workers yet"):
            assert list(waiting_for_workers(client, lambda: not asked.append(0))) == [
                None
            ]
        assert len(asked) == 1
        waiting = waiting_for_workers(client, lambda: False)
        with pytest.warns(UserWarning, match="no workers yet"):
            next(waiting)
        empty.scale(1)
        with pytest.raises(InputError, match=r"napari-mmtseg 0\.0\.1"):
            list(waiting)


def test_a_gpu_is_asked_for_where_workers_declare_one(client):
    assert gpu_resources(client, "auto") == {}
    with (
        local_cluster(1, resources={"GPU": 1}) as cluster,
        connected(cluster.scheduler_address) as with_gpu,
    ):
        assert gpu_resources(with_gpu, "auto") == {"GPU": 1}
        assert gpu_resources(with_gpu, "cpu") == {}


@pytest.mark.parametrize(
    ("value", "expected"), [(None, 1), ("4", 4), ("4,2", 4), ("0", 1), ("many", 1)]
)
def test_threads_of_a_task(monkeypatch, value, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if value is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert threads_of_a_task() == expected

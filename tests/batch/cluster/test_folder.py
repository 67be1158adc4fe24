import os
import signal
import subprocess
import sys
import time
import warnings

import pytest

from napari_mmtseg import Cancelled, InputError, SegmentationSettings
from napari_mmtseg.batch.plan import BatchRequest
from napari_mmtseg.batch.run import iter_batch, run_batch
from napari_mmtseg.cli.main import main
from napari_mmtseg.progress import drain
from tests.batch.cluster.local import local_cluster
from tests.batch.folders import QUICK, write_images

SETTINGS = SegmentationSettings(**QUICK, precision="float32")


def request(tmp_path, target="out", **options):
    values = {"settings": SETTINGS, **options}
    return BatchRequest(tmp_path / "in", tmp_path / target, **values)


def labels(folder):
    return {path.name: path.read_bytes() for path in folder.glob("a*.tif")}


@pytest.mark.parametrize("mode", ["one_model", "each"])
def test_the_same_bytes_as_in_this_process(tmp_path, client, mode):
    source = write_images(tmp_path / "in", 4)
    (source / "bad.png").write_bytes(b"no image")
    run_batch(request(tmp_path, "here", mode=mode))
    steps = list(_seen(iter_batch(request(tmp_path, mode=mode), scheduler=client)))
    result = steps.pop()
    assert [r.status for r in result.records] == ["done"] * 4 + ["failed"]
    assert labels(tmp_path / "out") == labels(tmp_path / "here")
    assert len(labels(tmp_path / "out")) == 4
    told = [s.record.status for s in steps if s.record is not None]
    assert told.count("done") == 4
    assert told.count("failed") == 1
    assert "running" in told


def _seen(steps):
    """Yield the steps of a generator and what it returns."""
    result = yield from steps
    yield result


def test_an_address_on_the_command_line(tmp_path, cluster, capsys, monkeypatch):
    write_images(tmp_path / "in", 2)
    words = [f"--{k.replace('_', '-')}={v}" for k, v in QUICK.items()]
    address = ["--scheduler", cluster.scheduler_address]
    monkeypatch.chdir(tmp_path)  # the workers stay where they are
    assert main(["batch", "in", "out", *address, *words]) == 0
    assert len(labels(tmp_path / "out")) == 2
    assert "2 images labelled" in capsys.readouterr().out


def test_an_address_that_does_not_answer(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("napari_mmtseg.batch.cluster.connection.CONNECT_SECONDS", 0.3)
    write_images(tmp_path / "in", 2)
    with pytest.raises(InputError, match="No Dask scheduler answers"):
        run_batch(request(tmp_path), scheduler="tcp://127.0.0.1:1")
    assert not (tmp_path / "out").exists()


def test_workers_that_join_late_do_one_task_at_a_time_on_a_gpu(tmp_path):
    write_images(tmp_path / "in", 4)
    options = {"resources": {"GPU": 1}}
    with local_cluster(0, **options) as late:
        steps = iter_batch(
            request(tmp_path, mode="each"), scheduler=late.scheduler_address
        )
        assert next(steps).phase == "planning"
        with pytest.warns(UserWarning, match="no workers yet"):
            assert next(steps).phase == "labelling"
        late.scale(1)
        resources = []
        for _ in steps:
            tasks = late.scheduler.tasks.values()
            resources += [t.resource_restrictions for t in tasks if t.run_spec]
    assert resources
    assert all(wanted == {"GPU": 1} for wanted in resources)


def test_a_worker_killed_in_the_middle(tmp_path, client):
    write_images(tmp_path / "in", 8)
    slow = SETTINGS.replace(n_steps=60)
    run_batch(request(tmp_path, "here", settings=slow, mode="each"))
    steps = iter_batch(request(tmp_path, settings=slow, mode="each"), scheduler=client)
    victim = next(iter(client.run(os.getpid).values()))
    killed = False
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result = end.value
            break
        # Six of eight wait or run: one of them at least runs on this worker.
        if not killed and step.n_done == 2:
            os.kill(victim, signal.SIGKILL)
            killed = True
    assert killed
    assert [r.status for r in result.records] == ["done"] * 8
    assert labels(tmp_path / "out") == labels(tmp_path / "here")


@pytest.mark.parametrize("how", ["stop", "cancel"])
def test_a_cancelled_batch_leaves_whole_files_and_goes_on(tmp_path, client, how):
    write_images(tmp_path / "in", 6)
    slow = SETTINGS.replace(n_steps=60)
    run_batch(request(tmp_path, "here", settings=slow, mode="each"))
    cancelled = []
    steps = iter_batch(
        request(tmp_path, settings=slow, mode="each"),
        scheduler=client,
        should_cancel=lambda: bool(cancelled),
    )
    while next(steps).n_done < 2:
        pass
    if how == "stop":
        steps.send("stop")
        *_, result = _seen(steps)
        assert {r.status for r in result.records} == {"done", "cancelled"}
    else:
        cancelled.append(True)
        with pytest.raises(Cancelled):
            drain(steps)
    # A worker that is writing when the end comes may finish its file.
    end = time.monotonic() + 20
    while any(client.processing().values()) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.3)
    whole = labels(tmp_path / "here")
    there = labels(tmp_path / "out")
    assert 2 <= len(there) < 6
    assert there.items() <= whole.items()
    assert not list((tmp_path / "out").glob(".mmtseg-??*/"))
    time.sleep(0.3)
    assert labels(tmp_path / "out").keys() == there.keys()
    again = request(tmp_path, settings=slow, mode="each", resume=True)
    result = run_batch(again, scheduler=client)
    assert {r.status for r in result.records} <= {"done", "skipped"}
    assert labels(tmp_path / "out") == whole


def _no_wait(client, should_cancel):
    warnings.warn("no workers yet", UserWarning, stacklevel=1)
    yield from ()


@pytest.mark.parametrize("waits", [True, False])
def test_a_scheduler_that_dies_fails_what_is_left(tmp_path, monkeypatch, waits):
    pytest.importorskip("distributed")
    if not waits:
        monkeypatch.setattr(
            "napari_mmtseg.batch.cluster.executor.waiting_for_workers", _no_wait
        )
    write_images(tmp_path / "in", 3)
    path = tmp_path / "scheduler.json"
    scheduler = subprocess.Popen(
        [
            *[sys.executable, "-m", "dask", "scheduler", "--host", "127.0.0.1"],
            *["--port", "0", "--dashboard-address", ":0"],
            *["--scheduler-file", str(path)],
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        steps = iter_batch(request(tmp_path, mode="each"), scheduler=str(path))
        first = next(steps)
        with pytest.warns(UserWarning, match="no workers yet"):
            assert next(steps).phase == "labelling"
        assert first.phase == "planning"
        scheduler.kill()
        scheduler.wait()
        *_, result = _seen(steps)
    finally:
        scheduler.kill()
        scheduler.wait()
    assert [r.status for r in result.records] == ["failed"] * 3
    assert "Start the scheduler again and resume" in result.records[0].error

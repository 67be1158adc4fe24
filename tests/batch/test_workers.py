import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest

from napari_mmtseg import SegmentationSettings
from napari_mmtseg.batch.item import BatchTask
from napari_mmtseg.batch.plan import BatchItem
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.batch.workers import Processes
from tests.batch.folders import QUICK, write_images


def tasks(folder, *names):
    return [
        BatchTask(
            BatchItem(name, folder / name, folder / f"{name}.tif"),
            SegmentationSettings(),
        )
        for name in names
    ]


def label_or_die(task):
    """Label nothing; die of an image of that name once the others are in flight."""
    if task.item.name == "die":
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.6)
    return BatchRecord(task.item, "done")


def run(workers, given):
    begun = []
    records = workers.run(given, lambda: False, lambda: False, begun.extend)
    told = [record for record in records if record is not None]
    assert {item.name for item in begun} == {task.item.name for task in given}
    return {r.item.name: r for r in told if r.status != "running"}


def test_only_the_image_that_kills_its_process_is_blamed(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_mmtseg.batch.workers._label", label_or_die)
    found = run(Processes(2), tasks(tmp_path, "a", "die", "b", "c"))
    status = {name: record.status for name, record in found.items()}
    assert status == {"a": "done", "b": "done", "c": "done", "die": "failed"}
    assert "died twice" in found["die"].error
    assert found["die"].is_lost


def test_an_image_that_a_dead_pool_does_not_take_is_not_lost(tmp_path, monkeypatch):
    submit = ProcessPoolExecutor.submit
    refused = []

    def fail_once(self, *arguments):
        if not refused:
            refused.append(arguments)
            raise BrokenProcessPool("a process has died")
        return submit(self, *arguments)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", fail_once)
    monkeypatch.setattr("napari_mmtseg.batch.workers._label", label_or_die)
    found = run(Processes(2), tasks(tmp_path, "a", "b"))
    assert {name: record.status for name, record in found.items()} == {
        "a": "done",
        "b": "done",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_processes_are_deaf_to_interrupts_from_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_mmtseg.batch.workers._label", label_or_die)
    records = Processes(2).run(
        tasks(tmp_path, "a"), lambda: False, lambda: False, lambda items: None
    )
    assert next(records).status == "running"
    children = {child.pid for child in multiprocessing.active_children()}
    assert children
    for pid in children:
        status = Path(f"/proc/{pid}/status").read_text()
        words = dict(line.split(":", 1) for line in status.splitlines())
        bit = 1 << (signal.SIGINT - 1)
        assert (int(words["SigBlk"], 16) | int(words["SigIgn"], 16)) & bit
    records.close()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is of POSIX")
def test_processes_end_with_the_one_that_started_them(tmp_path):
    write_images(tmp_path / "in", 4)
    long = {**QUICK, "n_steps": 100_000, "patience": "none"}
    words = [f"--{k.replace('_', '-')}={v}" for k, v in long.items()]
    command = ["batch", str(tmp_path / "in"), str(tmp_path / "out"), "--each", "-q"]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "napari_mmtseg.cli.main",
            *command,
            "--workers=2",
            *words,
        ]
    )
    parent = psutil.Process(process.pid)
    end = time.monotonic() + 90
    children = []
    # The third one keeps track of shared resources.
    while len(children) < 3 or any(c.cpu_times().user < 1 for c in children[1:]):
        assert time.monotonic() < end
        time.sleep(0.05)
        children = parent.children()
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    for child in alive:
        child.kill()
    assert not alive

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

from napari_mmtseg.batch import processes
from napari_mmtseg.batch.processes import run_in_processes
from napari_mmtseg.batch.runner import Hooks, run_tasks
from tests.batch.cluster import work
from tests.batch.cluster.work import Named
from tests.batch.folders import QUICK, write_images


@pytest.fixture
def light_processes(monkeypatch):
    """Processes that do not load torch when they start."""
    monkeypatch.setattr(processes, "_start_worker", work.start_nothing)


def go_on():
    return False


def run(folder, names):
    begun = []
    reports = run_tasks(
        run_in_processes(2),
        work.label_or_die,
        [Named(name) for name in names],
        folder,
        Hooks(go_on, note_begun=begun.extend),
    )
    found = [report for report in reports if report is not None]
    assert {task.name for task in begun} == set(names)
    assert not list(folder.iterdir())
    return {r.task.name: r for r in found if r.status != "running"}


def test_only_the_task_that_kills_its_process_is_blamed(tmp_path, light_processes):
    found = run(tmp_path, ["a", "die", "b", "c"])
    status = {name: report.status for name, report in found.items()}
    assert status == {"a": "done", "b": "done", "c": "done", "die": "failed"}
    assert "died twice" in found["die"].error


def test_a_task_that_a_dead_pool_does_not_take_is_not_lost(
    tmp_path, monkeypatch, light_processes
):
    submit = ProcessPoolExecutor.submit
    refused = []

    def fail_once(self, *arguments):
        if not refused:
            refused.append(arguments)
            raise BrokenProcessPool("a process has died")
        return submit(self, *arguments)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", fail_once)
    found = run(tmp_path, ["a", "b"])
    assert {name: report.status for name, report in found.items()} == {
        "a": "done",
        "b": "done",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_sigint_is_blocked_in_processes_from_the_start(tmp_path):
    reports = run_tasks(
        run_in_processes(2), work.label_or_die, [Named("a")], tmp_path, Hooks(go_on)
    )
    assert next(reports).status == "running"
    assert next(reports) is None
    children = {child.pid for child in multiprocessing.active_children()}
    assert children
    for pid in children:
        status = Path(f"/proc/{pid}/status").read_text()
        words = dict(line.split(":", 1) for line in status.splitlines())
        bit = 1 << (signal.SIGINT - 1)
        assert (int(words["SigBlk"], 16) | int(words["SigIgn"], 16)) & bit
    reports.close()
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

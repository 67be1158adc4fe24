"""Tasks for workers; they import them from here."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from napari_mmtseg.errors import Cancelled


@dataclass(frozen=True)
class Named:
    """A task that is nothing but a name."""

    name: str


def double(task, should_cancel):
    return 2 * task.name


def fail_on_three(task, should_cancel):
    if task.name == "3":
        raise ValueError("three")


def count_threads(task, should_cancel):
    import torch

    return torch.get_num_threads()


def wait_long(task, should_cancel):
    """Begin a file; finish it after a minute, remove it when cancelled."""
    partial = Path(f"{task.name}.partial")
    partial.touch()
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if should_cancel():
                raise Cancelled
            time.sleep(0.01)
        partial.with_suffix(".whole").touch()
    finally:
        partial.unlink()


def wait_a_second(task, should_cancel):
    """Begin a file and finish it after a second; remove it when cancelled."""
    partial = Path(f"{task.name}.partial")
    partial.touch()
    for _ in range(100):
        time.sleep(0.01)
        if should_cancel():
            partial.unlink()
            raise Cancelled
    partial.rename(partial.with_suffix(".whole"))


def die_once(task, should_cancel):
    """Kill the worker, but not the next one."""
    mark = task.name
    if mark.endswith("die") and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def die(task, should_cancel):
    os.kill(os.getpid(), signal.SIGKILL)


def label_or_die(task, should_cancel):
    """Label nothing; die of a task of that name once the others are under way."""
    if task.name == "die":
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.6)
    return task.name


def start_nothing(n_threads):
    """Prepare nothing in a process that has just begun."""

"""Tasks for workers; they import them from here."""

import os
import signal
import time
from pathlib import Path

from napari_mmtseg.errors import Cancelled


def double(task, is_given_up):
    return 2 * task


def fail_on_three(task, is_given_up):
    if task == 3:
        raise ValueError("three")
    return task


def count_threads(task, is_given_up):
    import torch

    return torch.get_num_threads()


def wait_long(folder, is_given_up):
    """Begin a file; finish it after a minute, take it away when given up."""
    partial = Path(folder, f"{os.getpid()}-{time.monotonic_ns()}.partial")
    partial.touch()
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if is_given_up():
                raise Cancelled
            time.sleep(0.01)
        partial.with_suffix(".whole").touch()
    finally:
        partial.unlink()


def die_once(mark, is_given_up):
    """Kill the worker, but not the next one."""
    if mark.endswith("die") and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return mark


def die(task, is_given_up):
    os.kill(os.getpid(), signal.SIGKILL)

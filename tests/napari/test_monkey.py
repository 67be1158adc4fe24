"""A short walk of the seeded monkey, and what it would see."""

import gc
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
import torch
from benchmarks.host_state import changed, complaints, host_state
from benchmarks.monkey import is_ours


@pytest.mark.timeout(600)
def test_random_use_of_all_panels_breaks_and_leaves_nothing():
    # In a process of its own, in which no other test has left anything.
    words = ["--seeds=1", "--first=3", "--actions=40"]
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.monkey", *words],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "seed 3" in result.stdout


def test_the_monkey_sees_exceptions_in_threads_and_settings_that_changed(qapp):
    state = host_state()
    assert not changed(state)
    with complaints() as found:
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        sys.excepthook(ValueError, ValueError("in a slot"), None)
    assert "ZeroDivisionError" in found[0]
    assert "in a slot" in found[1]
    assert not is_ours("Traceback ... /site-packages/vispy/gloo.py")
    assert is_ours("Traceback ... /napari_mmtseg/napari/edit/panel.py")
    usual = gc.get_threshold()
    gc.set_threshold(usual[0] + 1, *usual[1:])
    torch.set_default_dtype(torch.float64)
    try:
        with warnings.catch_warnings():
            warnings.resetwarnings()
            names = [line.split(":")[0] for line in changed(state)]
    finally:
        gc.set_threshold(*usual)
        torch.set_default_dtype(torch.float32)
    assert names == ["warnings.filters", "gc.get_threshold", "torch.get_default_dtype"]

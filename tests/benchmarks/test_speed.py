from contextlib import contextmanager

import numpy as np
import psutil
import pytest
from benchmarks.methods import parse_methods

from benchmarks import speed


@pytest.fixture
def clock(monkeypatch):
    """A clock that only runs while a method does: 2 s, and 3 s for each step."""
    now = [0.0]

    def segment(method, image, **_):
        now[0] += 2 + 3 * dict(method.values).get("n_steps", 0)
        return np.ones(image.shape[:2], np.int32)

    monkeypatch.setattr(speed.Method, "__call__", segment)
    monkeypatch.setattr(speed.time, "perf_counter", lambda: now[0])


@pytest.mark.usefixtures("clock")
def test_many_steps_are_multiplied_up():
    few, many = parse_methods(["fast:n_steps=4", "paper"])
    image = np.eye(16)
    assert speed.method_seconds(few, image, 3, 5) == 14
    assert speed.method_seconds(many, image, 3, 5) == pytest.approx(2 + 3 * 1000)


@pytest.mark.usefixtures("clock")
def test_each_method_is_compared_with_the_first(capsys):
    speed.main(["--methods", "fast:n_steps=6", "fast:n_steps=1", "--repeats", "1"])
    table = capsys.readouterr().out
    assert "| fast:n_steps=6 | 20 | 1 | 1 |" in table
    assert "| fast:n_steps=1 | 5 | 0.25 | 4 |" in table


@pytest.mark.usefixtures("clock")
def test_a_method_is_timed_beside_busy_processes(capsys, monkeypatch):
    others = []

    @contextmanager
    def busy(n):
        others.append(n)
        yield

    monkeypatch.setattr(speed, "busy_processes", busy)
    speed.main(["--methods", "fast:n_steps=6", "--repeats", "1", "--busy", "2"])
    table = capsys.readouterr().out
    assert "beside 2 busy / alone" in table
    assert "| fast:n_steps=6 | 20 | 1 | 1 | 1 |" in table
    assert others == [2]


def test_busy_processes_end_with_the_block():
    ours = psutil.Process()
    before = set(ours.children())
    with speed.busy_processes(1):
        (other,) = set(ours.children()) - before
        assert other.is_running()
    assert not other.is_running()


def test_presets_are_compared_with_graph_based_segmentation(monkeypatch):
    def seconds(method, image, *_):
        return image.size * (1 if "skimage" in method.spec else 4) / 1e5

    monkeypatch.setattr(speed, "method_seconds", seconds)
    rows = speed.preset_rows(1, 1)
    assert rows[0] == ["481 x 321 RGB", "default", "18.5", "4"]
    assert {row[3] for row in rows} == {"4"}
    assert {row[1] for row in rows} == {"default", "fast", "paper"}

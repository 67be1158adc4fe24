from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from napari_mmtseg.cli import progress
from napari_mmtseg.cli.progress import Report, follow
from tests.cli.running import run

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


class TestProgress:
    def test_lines_at_most_one_a_second(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        clock = iter(np.arange(0, 100, 0.3))
        monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
        total = 20

        def work() -> Iterator[int]:
            yield from range(1, total + 1)
            return "done"

        def describe(step: int) -> Report:
            return Report("working", step, total, f"{step} labels")

        assert follow(work(), describe, quiet=False) == "done"
        captured = capsys.readouterr()
        lines = captured.err.splitlines()
        assert captured.out == ""
        assert lines[0] == "loading PyTorch"
        assert lines[-1] == "working: 20 of 20, 20 labels"
        assert 5 <= len(lines) <= 8

    def test_quiet(self) -> None:
        result = run("segment", "image.ome.tif", "-o", "a.tif", "--quiet")
        assert result.stderr == ""
        assert "a.tif: " in result.stdout

    def test_generator_is_closed_after_an_error(self) -> None:
        closed = []

        def work() -> Iterator[int]:
            try:
                yield 1
            finally:
                closed.append(True)

        def fail(step: int) -> Report:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            follow(work(), fail, quiet=True)
        assert closed

    @posix
    def test_bar_on_a_terminal(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        import pty

        def work() -> Iterator[int]:
            yield from range(4)

        clock = itertools.count()
        monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
        main, side = pty.openpty()
        with os.fdopen(side, "w") as terminal:
            monkeypatch.setattr(sys, "stderr", terminal)
            follow(work(), lambda step: Report("training", step, 3), quiet=False)
            shown = os.read(main, 4096)
        os.close(main)
        assert b"\r" in shown
        assert b"0/3" in shown
        assert capsys.readouterr().out == ""

from __future__ import annotations

import sys
from importlib.metadata import version

import pytest

from tests.cli.running import run


class TestInfo:
    def test_what_a_bug_report_needs(self) -> None:

        result = run("info")
        assert result.exit_code == 0, result.output
        lines = dict(
            line.split(maxsplit=1) for line in result.stdout.splitlines() if line
        )
        assert lines["torch"] == version("torch")
        assert lines["python"] == sys.version.split()[0]
        assert lines["device"] in ("cpu", "cuda", "mps")
        assert lines["precision"].startswith(("float32 (", "bfloat16 ("))
        assert int(lines["threads"]) >= 1
        assert lines["n_steps"].split()[-1] == "1000"
        assert lines["patience"].split()[-1] == "none"

    @pytest.mark.parametrize(
        ("speedup", "words"),
        [(0.0, "this cpu has no bfloat16"), (0.5, "bfloat16 is 0.5 times as fast")],
    )
    def test_why_float32(
        self, monkeypatch: pytest.MonkeyPatch, speedup: float, words: str
    ) -> None:
        from napari_mmtseg.engine import device

        cpu = device.choose_device("cpu")
        monkeypatch.setattr(device, "choose_device", lambda: cpu)
        monkeypatch.setattr(device, "bfloat16_speedup", lambda device: speedup)
        assert f"float32 ({words}" in run("info").stdout.replace("measured: ", "")

    def test_package_that_is_not_installed(self) -> None:
        from napari_mmtseg.cli.info import _version

        assert _version("surely-not-installed") == "not installed"

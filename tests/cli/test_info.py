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
        ("fast", "words"),
        [
            (False, "float32 (auto takes bfloat16 with AMX only)"),
            (True, "bfloat16 (with AMX)"),
        ],
    )
    def test_why_this_precision(
        self, monkeypatch: pytest.MonkeyPatch, fast: bool, words: str
    ) -> None:
        from napari_mmtseg.engine import device

        monkeypatch.setattr(device, "has_fast_bfloat16", lambda device: fast)
        assert words in run("info").stdout

    def test_package_that_is_not_installed(self) -> None:
        from napari_mmtseg.files.provenance import installed_version

        assert installed_version("surely-not-installed") == "not installed"

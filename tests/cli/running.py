"""Commands run in the process of the tests, and the image that they are given."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from napari_mmtseg.cli.commands import mmtseg

QUICK = [
    "--n-steps=3",
    "--warm-start-steps=2",
    "--max-labels=4",
    "--working-size=32",
    "--device=cpu",
    "--precision=float32",
]
COMMAND = [sys.executable, "-m", "napari_mmtseg.cli.main"]


def two_halves() -> np.ndarray:
    image = np.random.default_rng(0).normal(0, 0.05, (32, 40)).astype(np.float32)
    image[:, 20:] += 1
    return image


def run(*words: object, quick: bool = True) -> Result:
    arguments = [str(word) for word in words]
    if quick and words[0] in ("segment", "fit", "demo"):
        arguments[1:1] = QUICK
    return CliRunner().invoke(mmtseg, arguments)


def refused(*words: object, match: str, quick: bool = True) -> None:
    """Check that a command ends with code 2 before torch has any work, writing none."""
    before = {p: p.stat().st_mtime_ns for p in Path().iterdir()}
    result = run(*words, quick=quick)
    assert result.exit_code == 2, result.output
    assert "Error: " in result.stderr
    assert match in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert {p: p.stat().st_mtime_ns for p in Path().iterdir()} == before

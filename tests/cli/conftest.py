from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tifffile

from tests.cli.running import run, two_halves


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run every test in an empty folder with one image in it."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite(
        "image.ome.tif",
        two_halves(),
        metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25},
    )
    return tmp_path


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model of two classes, fitted to the image once for all tests."""
    folder = tmp_path_factory.mktemp("fitted")
    image, path = folder / "image.tif", folder / "m.safetensors"
    tifffile.imwrite(image, two_halves())
    assert run("fit", image, "-o", path, "--n-labels=2").exit_code == 0
    return path


@pytest.fixture
def model(folder: Path, fitted: Path) -> Path:
    """Put that model into the folder of the test."""
    return Path(shutil.copy(fitted, folder))

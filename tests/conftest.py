"""Settings of the test run; napari and Qt are imported by the tests that use them."""

import os
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

_HERE = Path(__file__).parent
_NAPARI_SETTINGS = tempfile.TemporaryDirectory()


def pytest_configure():
    # A test run must not read or change the settings of the user's own napari, nor
    # what its runs have kept.
    os.environ["XDG_DATA_HOME"] = os.path.join(_NAPARI_SETTINGS.name, "data")
    os.environ["NAPARI_CONFIG"] = os.path.join(_NAPARI_SETTINGS.name, "settings.yaml")
    os.environ.setdefault("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Tests load torch before the package does, which would see to it.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # On a busy machine an example may take any time.
    hypothesis.settings.register_profile("patient", deadline=None)
    hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items):
    """Run long files first: then several processes end at about the same time."""
    long = ("end_to_end", "batch", "napari")
    folders = {item: item.path.relative_to(_HERE).parts[0] for item in items}
    items.sort(key=lambda item: folders[item] not in long)


@pytest.fixture(autouse=True)
def _same_number_of_threads():
    """Let PyTorch use as many threads here as in the processes that tests start.

    With another number it adds in another order, and a pixel between two classes may
    change; libraries leave other numbers behind than the environment asks for.
    """
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def pytest_unconfigure():
    _NAPARI_SETTINGS.cleanup()

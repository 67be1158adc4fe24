"""Settings of the test run; napari and Qt are imported by the tests that use them."""

import os
import tempfile

_NAPARI_SETTINGS = tempfile.TemporaryDirectory()


def pytest_configure():
    # A test run must not read or change the settings of the user's own napari.
    os.environ["NAPARI_CONFIG"] = os.path.join(_NAPARI_SETTINGS.name, "settings.yaml")
    os.environ.setdefault("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "1")


def pytest_unconfigure():
    _NAPARI_SETTINGS.cleanup()

"""A viewer, the panel in it, and what it notifies of."""

import os
import sys
from importlib.util import find_spec

import pytest
from tools.display import DEBIAN_PACKAGES

HAS_NAPARI = find_spec("napari") is not None and find_spec("pytestqt") is not None


def pytest_ignore_collect(collection_path):
    # Without napari this package is the headless one: nothing here applies.
    return True if not HAS_NAPARI and collection_path.name != "conftest.py" else None


@pytest.fixture(scope="session", autouse=True)
def _display():
    """Say what to do instead of letting Qt abort the whole test run."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(map(os.environ.get, names)):
        pytest.fail(
            "There is no display. Run the tests with `python tools/display.py python "
            "-m pytest`, which starts a virtual one; it needs the Debian packages "
            f"{' '.join(DEBIAN_PACKAGES)}.",
            pytrace=False,
        )


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy()


@pytest.fixture
def model_viewer(qapp):
    """Layers without a window: enough for a panel alone, and made in no time."""
    from napari.components import ViewerModel

    return ViewerModel()


@pytest.fixture
def panel(viewer, qtbot):
    """The Segment panel in its dock, with quick settings; no run outlives the test."""
    from tests.napari.driving import QUICK, set_values, wait_for_threads

    _, widget = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    set_values(widget, **QUICK)
    yield widget
    widget.cancel()
    wait_for_threads(qtbot)


@pytest.fixture
def edit_panel(viewer, qtbot):
    """The Edit labels panel in its dock; no operation outlives the test."""
    from tests.napari.driving import settle, wait_for_threads

    _, widget = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")
    yield widget
    settle(widget, qtbot)
    wait_for_threads(qtbot)


@pytest.fixture
def notifications(monkeypatch):
    """Every notification since the start of the test, as (severity, message)."""
    from napari.utils.notifications import notification_manager

    seen = []

    def remember(notification):
        seen.append((str(notification.severity), notification.message))

    notification_manager.notification_ready.connect(remember)
    yield seen
    notification_manager.notification_ready.disconnect(remember)

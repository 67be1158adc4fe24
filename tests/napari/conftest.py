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
def viewer(request, qapp):
    """Layers without a window, which costs no time; napari's own for `window` tests."""
    if request.node.get_closest_marker("window"):
        return request.getfixturevalue("make_napari_viewer_proxy")()
    from napari.components import ViewerModel

    return ViewerModel()


def _opened(viewer, title, widget_type):
    """Open a panel in the window of the viewer, or by itself if there is none."""
    if hasattr(viewer, "window"):
        return viewer.window.add_plugin_dock_widget("napari-mmtseg", title)[1]
    widget = widget_type(viewer)
    widget.show()
    return widget


def _end(viewer, widget, qtbot):
    """Wait for what runs; qtbot.addWidget would delete the panel before."""
    from tests.napari.driving import wait_for_threads

    wait_for_threads(qtbot)
    if not hasattr(viewer, "window"):
        widget.deleteLater()


@pytest.fixture
def panel(viewer, qtbot):
    """The Segment panel with quick settings; no run outlives the test."""
    from napari_mmtseg.napari.segment.panel import SegmentWidget
    from tests.napari.driving import QUICK, set_values

    widget = _opened(viewer, "Segment", SegmentWidget)
    set_values(widget, **QUICK)
    widget.more.title.click()
    yield widget
    widget.cancel()
    _end(viewer, widget.native, qtbot)


@pytest.fixture
def edit_panel(viewer, qtbot):
    """The Edit labels panel; no operation outlives the test."""
    from napari_mmtseg.napari.edit.panel import EditWidget
    from tests.napari.driving import settle

    widget = _opened(viewer, "Edit labels", EditWidget)
    yield widget
    settle(widget, qtbot)
    _end(viewer, widget, qtbot)


@pytest.fixture
def batch_panel(viewer, qtbot):
    """The Batch panel with quick settings; no run outlives the test."""
    from napari_mmtseg.napari.batch.panel import BatchWidget
    from tests.napari.batch.driving import set_settings
    from tests.napari.driving import QUICK

    widget = _opened(viewer, "Batch", BatchWidget)
    set_settings(widget, **QUICK, n_labels=2)
    yield widget
    widget.cancel()
    _end(viewer, widget, qtbot)


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

"""The Edit labels panel without a window."""

import pytest


@pytest.fixture
def viewer(model_viewer):
    return model_viewer


@pytest.fixture
def edit_panel(viewer, qtbot):
    """The Edit labels panel by itself; no operation outlives the test."""
    from napari_mmtseg.napari.edit.panel import EditWidget
    from tests.napari.driving import settle, wait_for_threads

    widget = EditWidget(viewer)
    widget.show()
    yield widget
    settle(widget, qtbot)  # qtbot.addWidget would delete it before
    wait_for_threads(qtbot)
    widget.deleteLater()

"""The Segment panel without a window."""

import pytest


@pytest.fixture
def panel_alone(model_viewer, qtbot):
    """The panel by itself, with quick settings; no run outlives the test."""
    from napari_mmtseg.napari.segment.panel import SegmentWidget
    from tests.napari.driving import QUICK, set_values, wait_for_threads

    widget = SegmentWidget(model_viewer)
    widget.show()
    set_values(widget, **QUICK)
    yield widget
    widget.cancel()
    wait_for_threads(qtbot)
    widget.deleteLater()

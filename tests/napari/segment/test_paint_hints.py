"""A layer to paint hints in, and runs after strokes."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_mmtseg.napari.layers.class_names import class_names
from napari_mmtseg.napari.layers.result import result_of
from napari_mmtseg.napari.segment.panel import SegmentWidget
from tests.napari.driving import (
    click,
    labels_layers,
    set_values,
    two_levels,
    wait_for_end,
)


@pytest.fixture
def hints(viewer, panel, qtbot):
    """The layer that the button adds to an image of two levels."""
    image, _ = two_levels((64, 96))
    viewer.add_image(image, name="levels", scale=(2, 3), translate=(5, 7))
    set_values(panel, n_steps=8, warm_start_steps=6)
    panel.paint_hints.button.click()  # in a fold that is closed
    return viewer.layers["levels hints"]


def stroke(layer, row, columns, value):
    """Paint as the mouse does: one step of undo, one event."""
    layer.selected_label = value
    with layer.block_history():
        for column in columns:
            layer.paint((row, column), value)


def results(viewer):
    return [layer for layer in labels_layers(viewer) if result_of(layer)]


def test_the_layer_lies_on_the_image_with_the_brush_ready(viewer, panel, hints):
    assert hints.data.shape == (64, 96)
    np.testing.assert_allclose(hints.scale, (2, 3))
    np.testing.assert_allclose(hints.translate, (5, 7))
    assert viewer.layers.selection.active == hints
    assert (hints.mode, hints.selected_label) == ("paint", 1)
    assert 1 < hints.brush_size <= 12
    assert class_names(hints.features)[3] == "class 3"
    assert panel.scribble_choice.layer == hints


def test_keys_choose_the_class(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    viewer.add_image(two_levels()[0], name="levels")
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget.native)
    widget.paint_hints.add_layer()
    hints = viewer.layers["levels hints"]
    canvas = viewer.window._qt_viewer.canvas.native
    for key, value in ((Qt.Key.Key_3, 3), (Qt.Key.Key_1, 1), (Qt.Key.Key_9, 9)):
        hints.mode = "pan_zoom"
        qtbot.keyClick(canvas, key)
        assert (hints.selected_label, hints.mode) == (value, "paint")


def test_a_second_click_goes_on_in_the_same_layer(viewer, panel, hints, qtbot):
    hints.data[3, 3] = 4
    hints.mode = "pan_zoom"
    panel.paint_hints.button.click()
    assert len(labels_layers(viewer)) == 1
    assert hints.mode == "paint"
    assert hints.data[3, 3] == 4


def test_every_stroke_runs_once_two_classes_are_painted(viewer, panel, hints, qtbot):
    panel.paint_hints.after_strokes.setChecked(True)
    stroke(hints, 5, range(5, 20), 1)
    qtbot.wait(500)
    assert not panel.is_running
    assert not results(viewer)
    stroke(hints, 30, range(20, 40), 2)
    qtbot.waitUntil(lambda: panel.is_running, timeout=5_000)
    wait_for_end(panel, qtbot)
    (first,) = results(viewer)
    assert set(np.unique(first.data)) == {1, 2}
    # The next one replaces it, and a stroke during a run is not forgotten.
    stroke(hints, 55, range(5, 20), 1)
    qtbot.waitUntil(lambda: panel.is_running, timeout=5_000)
    stroke(hints, 60, range(60, 80), 3)
    qtbot.waitUntil(
        lambda: any(3 in layer.data for layer in results(viewer)), timeout=60_000
    )
    wait_for_end(panel, qtbot)
    (last,) = results(viewer)
    assert last.name == "levels labels"
    assert last != first


def test_a_result_with_edits_is_not_replaced(viewer, panel, hints, qtbot):
    panel.paint_hints.after_strokes.setChecked(True)
    stroke(hints, 5, range(5, 20), 1)
    stroke(hints, 30, range(20, 40), 2)
    qtbot.waitUntil(lambda: panel.is_running, timeout=5_000)
    wait_for_end(panel, qtbot)
    (first,) = results(viewer)
    first.data_setitem((np.array([60]), np.array([90])), 7)
    stroke(hints, 55, range(5, 20), 1)
    qtbot.waitUntil(lambda: panel.is_running, timeout=5_000)
    wait_for_end(panel, qtbot)
    assert len(results(viewer)) == 2
    assert first in viewer.layers


def test_a_result_of_the_button_is_not_replaced(viewer, panel, hints, qtbot):
    stroke(hints, 5, range(5, 20), 1)
    stroke(hints, 30, range(20, 40), 2)
    click(qtbot, panel.run_button)
    wait_for_end(panel, qtbot)
    panel.paint_hints.after_strokes.setChecked(True)
    stroke(hints, 55, range(5, 20), 1)
    qtbot.waitUntil(lambda: panel.is_running, timeout=5_000)
    panel.cancel()
    wait_for_end(panel, qtbot)
    click(qtbot, panel.run_button)
    wait_for_end(panel, qtbot)
    assert len(results(viewer)) == 2


def test_without_the_switch_nothing_runs(viewer, panel, hints, qtbot):
    stroke(hints, 5, range(5, 20), 1)
    stroke(hints, 30, range(20, 40), 2)
    qtbot.wait(500)
    assert not panel.is_running


def test_without_an_image_the_button_says_what_is_missing(
    viewer, panel, qtbot, notifications
):
    panel.paint_hints.button.click()
    assert "There is no Image layer" in notifications[-1][1]
    assert not viewer.layers

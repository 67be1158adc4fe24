"""Clicks, keys, files and places of the Edit labels panel."""

import csv

import numpy as np
import pytest
from napari.components import Dims
from napari.settings import get_settings
from napari.utils.key_bindings import KeyBinding
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QFileDialog, QShortcut

from napari.layers import Labels
from napari_mmtseg import InputError
from napari_mmtseg.files import read as image_files
from napari_mmtseg.napari.edit.actions import ACTIONS
from napari_mmtseg.napari.edit.picking import pixel_under
from napari_mmtseg.napari.layers.pixel_measure import (
    pixel_measure,
    pixel_sizes,
    shown_axes,
    shown_part,
)
from napari_mmtseg.napari.segment import uncertain_tour
from tests.napari.driving import press, settle

KEYS = [action.shortcut for action in ACTIONS.values() if action.shortcut]
PLANE = np.zeros((20, 30), np.uint8)
PLANE[2:8, 2:10] = 1
PLANE[10:18, 2:10] = 1
PLANE[4:16, 15:25] = 2


class Mouse:
    """Mouse events in the canvas, as napari hands them to callbacks."""

    def __init__(self, viewer):
        self.viewer = viewer

    def __call__(self, layer, pixel, *, moves=0, button=1, modifiers=()):
        event = type("Event", (), {})()
        event.position = layer.data_to_world(pixel)
        event.view_direction = None
        event.dims_displayed = list(self.viewer.dims.displayed)
        event.pos = np.array([5.0, 5.0])
        event.button, event.modifiers, event.type = button, modifiers, "mouse_press"
        steps = [c(self.viewer, event) for c in self.viewer.mouse_drag_callbacks]
        steps = [s for s in steps if hasattr(s, "__next__")]
        for kind in ["mouse_move"] * (moves > 0) + ["mouse_release"]:
            steps = [s for s in steps if next(s, "over") != "over"]
            event.type, event.pos = kind, event.pos + moves
        for step in steps:
            assert next(step, "over") == "over"


def test_clicks_choose_classes_and_the_region_to_split_off(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(PLANE.copy(), scale=(2, 2), translate=(3, 4), rotate=30)
    mouse = Mouse(viewer)
    settle(edit_panel, qtbot)
    mouse(layer, (4, 4))
    assert edit_panel.table.selected_values == []
    press(edit_panel, qtbot, "pick")
    mouse(layer, (4, 4))
    mouse(layer, (10, 20))
    assert edit_panel.table.selected_values == [1, 2]
    mouse(layer, (10, 20))
    assert edit_panel.table.selected_values == [1]
    mouse(layer, (10, 20), moves=30)  # a drag moves the camera
    mouse(layer, (10, 20), button=2)
    mouse(layer, (10, 20), modifiers=("Shift",))
    mouse(layer, (100, 20))
    assert edit_panel.table.selected_values == [1]
    mouse(layer, (14, 5), moves=1)  # a hand is never still
    assert edit_panel.table.selected_values == []
    press(edit_panel, qtbot, "split_region")
    assert set(np.unique(layer.data[10:18, 2:10])) == {3}
    assert set(np.unique(layer.data[2:8, 2:10])) == {1}
    press(edit_panel, qtbot, "pick")
    mouse(layer, (10, 20))
    assert edit_panel.table.selected_values == []
    layer.undo()
    np.testing.assert_array_equal(layer.data, PLANE)


def test_picking_and_painting_exclude_each_other(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(PLANE.copy())
    settle(edit_panel, qtbot)
    layer.mode = "paint"
    press(edit_panel, qtbot, "pick")
    assert layer.mode == "pan_zoom"
    press(edit_panel, qtbot, "pick")
    assert layer.mode == "paint"
    press(edit_panel, qtbot, "pick")
    layer.mode = "fill"
    assert not edit_panel.buttons["pick"].isChecked()
    assert layer.mode == "fill"
    assert not [c for c in viewer.mouse_drag_callbacks if "Picker" in repr(c)]
    press(edit_panel, qtbot, "pick")
    viewer.add_labels(PLANE.copy())
    assert not edit_panel.buttons["pick"].isChecked()


def test_a_click_in_3d_meets_the_first_class():
    data = np.zeros((10, 12, 14), np.uint8)
    data[4:6, 3:9, 3:9] = 5
    data[8, 3:9, 3:9] = 7
    layer = Labels(data, scale=(2, 1, 1))
    shown = np.array([1.0, 0, 0]), [0, 1, 2]
    assert pixel_under(layer, (0, 5, 5), *shown) == (4, 5, 5)
    assert data[pixel_under(layer, (0, 1, 1), *shown)] == 0
    assert pixel_under(layer, (0, 90, 5), *shown) is None


def keys_of(window):
    """Return the keys that are bound in a window beside those of its menus."""
    shortcuts = window.findChildren(QShortcut)
    return [s.key().toString() for s in shortcuts if s.isEnabled()]


def test_keys_press_buttons_while_the_panel_is_open(
    make_napari_viewer, qtbot, monkeypatch
):
    viewer = make_napari_viewer(show=True)
    viewer.add_labels(PLANE.astype(np.int32))
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")
    window = panel.window()
    qtbot.waitUntil(lambda: set(KEYS) <= set(keys_of(window)))
    settle(panel, qtbot)
    layer = panel.target.layer
    panel.table.select_values([2])
    with qtbot.waitActive(window):
        window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    settle(panel, qtbot)
    assert 2 not in layer.data
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(layer.data, PLANE)
    settle(panel, qtbot)
    panel.parentWidget().hide()
    assert not set(KEYS) & set(keys_of(window))
    panel.table.select_values([2])
    qtbot.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    settle(panel, qtbot)
    np.testing.assert_array_equal(layer.data, PLANE)
    panel.parentWidget().show()
    assert set(KEYS) <= set(keys_of(window))
    viewer.window.remove_dock_widget(panel)
    assert not set(KEYS) & set(keys_of(window))


def as_qt(key):
    text = str(KeyBinding.from_str(str(key))).replace("Meta", "Ctrl")
    return QKeySequence(text).toString()


def test_no_key_is_one_of_napari(make_napari_viewer):
    viewer = make_napari_viewer()
    layer = viewer.add_labels(PLANE)
    theirs = {as_qt(k) for keys in default_shortcuts.values() for k in keys}
    user = get_settings().shortcuts.shortcuts
    theirs |= {as_qt(k) for keys in user.values() for k in keys}
    for keymap in (viewer.keymap, type(viewer).class_keymap, layer.class_keymap):
        theirs |= {as_qt(key) for key in keymap}
    window = viewer.window._qt_window
    for action in window.findChildren(type(window.menuBar().actions()[0])):
        theirs |= {key.toString() for key in action.shortcuts()}
    assert {"Ctrl+Z", "M", "Shift+A", "Ctrl+S", "V"} & theirs >= {"Ctrl+Z", "M", "V"}
    keys = [*KEYS, *uncertain_tour.KEYS.values()]
    ours = [QKeySequence(key).toString() for key in keys]
    assert len(set(ours)) == len(ours)
    assert not set(ours) & theirs
    for name, action in ACTIONS.items():
        assert action.shortcut in action.tooltip, name


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """Answer the next file dialogs."""
    answer = {}

    def choose(parent, title, name, kinds):
        answer["asked"] = name
        return str(tmp_path / answer["name"]) if answer["name"] else "", answer["kind"]

    answer["kind"] = "OME-TIFF (*.ome.tif)"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    return answer


def test_the_table_is_saved_with_names(viewer, edit_panel, qtbot, chosen, tmp_path):
    viewer.add_labels(
        PLANE.copy(),
        name="a/b",
        scale=(0.5, 0.5),
        units=("um", "um"),
        features={"index": [2], "name": ["stroma, dense"]},
    )
    settle(edit_panel, qtbot)
    chosen["name"], chosen["kind"] = "classes", "Table (*.csv)"
    press(edit_panel, qtbot, "save_table")
    assert chosen["asked"] == "a-b.csv"
    with (tmp_path / "classes.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["Label", "Name", "Pixels", "Area (µm²)", "Regions"],
        ["0", "background", "368", "92.0", "0"],
        ["1", "", "112", "28.0", "2"],
        ["2", "stroma, dense", "120", "30.0", "1"],
    ]


def test_labels_are_saved_with_their_pixel_size(
    viewer, edit_panel, qtbot, chosen, tmp_path, notifications
):
    viewer.add_labels(PLANE.copy(), scale=(0.5, 0.25), units=("um", "um"))
    settle(edit_panel, qtbot)
    for name in ("a.ome.tif", "b.tif", "c"):
        chosen["name"] = name
        press(edit_panel, qtbot, "save_labels")
        path = tmp_path / (name if "." in name else f"{name}.ome.tif")
        image = image_files.read_image(path)
        np.testing.assert_array_equal(image.array, PLANE)
        assert image.pixel_size("X") == (0.25, "µm")
        assert image.pixel_size("Y") == (0.5, "µm")
    chosen["name"] = ""
    press(edit_panel, qtbot, "save_labels")
    assert len(list(tmp_path.iterdir())) == 3
    chosen["name"] = "d.jpg"
    press(edit_panel, qtbot, "save_labels")
    assert notifications[-1][0] == "warning"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("units", "scale", "axes", "expected"),
    [
        (("pixel",) * 3, (1, 1, 1), (0, 1, 2), None),
        (("pixel",) * 3, (2, 3, 5), (1, 2), (15, "Area")),
        (("um",) * 3, (2, 3, 5), (0, 1, 2), (30, "Volume (µm³)")),
        (("nm", "um", "um"), (2000, 3, 5), (0, 1, 2), (30, "Volume (µm³)")),
        (("second", "um", "um"), (2, 3, 5), (0, 1, 2), (15, "Area (µm²)")),
        (("um",) * 3, (2, -3, 5), (1,), (3, "Length (µm)")),
    ],
)
def test_a_pixel_measures_what_its_axes_are(units, scale, axes, expected):
    layer = Labels(np.zeros((2, 3, 4), np.uint8), units=units, scale=scale)
    measure = pixel_measure(layer, axes)
    if expected is None:
        assert measure is None
        return
    assert measure.size == pytest.approx(expected[0])
    assert measure.title == expected[1]


def test_the_part_that_is_shown():
    layer = Labels(np.zeros((5, 6, 7), np.uint8), scale=(2, 1, 1), translate=(4, 0, 0))
    dims = Dims(ndim=4, point=(0, 8.4, 0, 0), range=[(0, 20, 1)] * 4)
    assert shown_axes(layer, dims) == (1, 2)
    assert shown_part(layer, dims) == (slice(2, 3), slice(0, 6), slice(0, 7))
    dims.point = (0, 19, 0, 0)
    with pytest.raises(InputError, match=r"slice 8 along axis 0.*0 to 4"):
        shown_part(layer, dims)


def test_a_file_hears_the_axes_of_a_layer():
    layer = Labels(np.zeros((2, 3, 4), np.uint8), axis_labels=("t", "y", "x"))
    assert pixel_sizes(layer) == ("TYX", (None,) * 3)
    layer = Labels(np.zeros((2, 3, 4), np.uint8), units=("um",) * 3, scale=(3, 2, 2))
    axes, sizes = pixel_sizes(layer)
    assert axes == "ZYX"
    assert sizes[0] == (3, "µm")


@pytest.mark.parametrize("step", ["undo", "redo"])
def test_a_history_of_other_data_is_refused(
    viewer, edit_panel, qtbot, notifications, step
):
    layer = viewer.add_labels(PLANE.copy())
    settle(edit_panel, qtbot)
    layer.fill((0, 29), 9)
    if step == "redo":
        layer.undo()
    layer.data = np.ones((6, 5), layer.data.dtype)
    settle(edit_panel, qtbot)
    press(edit_panel, qtbot, step)
    assert notifications[-1][0] == "warning"
    assert "of other data" in notifications[-1][1]

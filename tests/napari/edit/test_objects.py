"""Objects in the Edit labels panel: separate, cut, merge, measure, save."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
import tifffile
from npe2 import PluginManager
from qtpy.QtWidgets import QFileDialog

from napari_mmtseg.napari.layers.navigation import scene
from napari_mmtseg.napari.layers.objects import object_classes
from tests.napari.driving import click, press, settle
from tests.objects.discs import balls

CLASSES = np.where(balls((24, 44), [(12, 12), (12, 28)], 9), 2, 1).astype(np.int32)
IMAGE = 50.0 * CLASSES


@pytest.fixture
def layer(viewer, edit_panel, qtbot):
    viewer.add_image(IMAGE, name="dna", scale=(0.5, 0.5), units=("um", "um"))
    place = {"scale": (0.5, 0.5), "units": ("um", "um")}
    layer = viewer.add_labels(CLASSES.copy(), name="cells", **place)
    settle(edit_panel, qtbot)
    return layer


def test_separate_is_one_undo(layer, edit_panel, qtbot):
    press(edit_panel, qtbot, "separate")
    assert np.unique(layer.data).tolist() == [0, 1, 2]
    assert layer.data[12, 12] != layer.data[12, 28]
    assert "2 objects" in edit_panel.status.text()
    assert object_classes(layer).tolist() == [0, 2, 2]
    layer.undo()
    np.testing.assert_array_equal(layer.data, CLASSES)


def test_preview_shows_borders_and_follows_the_size(layer, edit_panel, qtbot):
    click(qtbot, edit_panel.buttons["preview"])
    press(edit_panel, qtbot, "separate")
    overlay = edit_panel.preview.overlay.data
    assert 0 < overlay.sum() < (CLASSES == 2).sum() / 2
    assert "2 objects" in edit_panel.status.text()
    edit_panel.fields.objects.size_box.setValue(100)
    settle(edit_panel, qtbot)
    assert "0 objects" in edit_panel.status.text()
    np.testing.assert_array_equal(layer.data, CLASSES)
    press(edit_panel, qtbot, "cancel")


def test_the_size_is_a_circle_for_a_moment(layer, viewer, edit_panel, qtbot):
    active = viewer.layers.selection.active
    edit_panel.fields.objects.size_box.setValue(8)  # µm, 16 pixels
    circle = viewer.layers["Object size"]
    corners = circle.data[0]
    assert np.ptp(corners, axis=0).tolist() == [16, 16]
    assert viewer.layers.selection.active == active
    edit_panel.fields.objects.size_box.setValue(0)
    assert "Object size" not in viewer.layers


def test_selected_classes_are_the_foreground(layer, edit_panel, qtbot):
    edit_panel.table.select_values([1])
    edit_panel.fields.objects.border.setChecked(True)
    press(edit_panel, qtbot, "separate")
    assert not layer.data.any()


def test_by_intensity_needs_an_image(layer, viewer, edit_panel, qtbot, notifications):
    edit_panel.fields.objects.method_box.setCurrentIndex(1)
    press(edit_panel, qtbot, "separate")
    assert layer.data.max() >= 1
    layer.undo()
    viewer.layers["dna"].visible = False
    press(edit_panel, qtbot, "separate")
    assert "No visible image lies" in notifications[-1][1]
    np.testing.assert_array_equal(layer.data, CLASSES)


def test_one_slice_keeps_the_numbers_of_the_others(viewer, edit_panel, qtbot):
    stack = np.stack([CLASSES, np.where(CLASSES == 2, 7, 0)])
    layer = viewer.add_labels(stack)
    viewer.dims.set_point(0, 0)
    click(qtbot, edit_panel.target.slice_button)
    settle(edit_panel, qtbot)
    press(edit_panel, qtbot, "separate")
    assert np.unique(layer.data[0]).tolist() == [0, 8, 9]
    assert object_classes(layer)[7:].tolist() == [7, 2, 2]
    assert np.unique(layer.data[1]).tolist() == [0, 7]


def test_a_line_cuts_an_object(layer, edit_panel, qtbot):
    layer.data = np.where(CLASSES == 2, 5, 0)
    edit_panel.session.cut([(0.0, 20.0), (23.0, 20.0)], [])
    settle(edit_panel, qtbot)
    assert np.unique(layer.data).tolist() == [0, 1, 5]
    layer.undo()
    assert np.unique(layer.data).tolist() == [0, 5]


class Mouse:
    """Events of a mouse over a viewer."""

    type, button, modifiers, dims_displayed = "mouse_press", 1, (), (0, 1)
    view_direction = None

    def __init__(self, viewer):
        self.viewer = viewer

    def drag(self, *places, end=None):
        """Press at the first place (y, x) in the world, go on, and release."""
        self.type, self.position = "mouse_press", places[0]
        self.pos = np.array(places[0]) * 10
        steps = self.viewer.mouse_drag_callbacks[-1](self.viewer, self)
        next(steps)
        assert not scene(self.viewer).camera.mouse_pan
        self.type = "mouse_move"
        for self.position in places[1:]:
            self.pos = np.array(self.position) * 10
            next(steps)
            assert "Line" in self.viewer.layers
        self.type, self.position = "mouse_release", end or self.position
        self.pos = np.array(self.position) * 10
        next(steps, None)
        assert "Line" not in self.viewer.layers


def test_a_line_is_drawn_with_the_mouse(layer, viewer, edit_panel, qtbot):
    layer.data = np.where(CLASSES == 2, 5, 0)
    click(qtbot, edit_panel.buttons["cut_merge"])
    assert not scene(viewer).camera.mouse_pan
    Mouse(viewer).drag((0.0, 10.0), (11.5, 10.0))
    settle(edit_panel, qtbot)
    assert len(np.unique(layer.data)) == 3
    click(qtbot, edit_panel.buttons["cut_merge"])
    assert scene(viewer).camera.mouse_pan


def test_a_line_ends_where_the_hand_lets_go(layer, viewer, edit_panel, qtbot):
    layer.data = np.where(CLASSES == 2, 5, 0)
    click(qtbot, edit_panel.buttons["cut_merge"])
    Mouse(viewer).drag((0.0, 10.0), (4.0, 10.0), end=(11.5, 10.0))
    settle(edit_panel, qtbot)
    assert len(np.unique(layer.data)) == 3


def test_two_clicks_merge_two_objects(layer, viewer, edit_panel, qtbot):
    press(edit_panel, qtbot, "separate")
    objects = layer.data.copy()
    click(qtbot, edit_panel.buttons["cut_merge"])
    mouse = Mouse(viewer)
    left, right = (6.0, 6.0), (6.0, 14.0)
    mouse.drag((0.0, 0.0))
    assert "background" in edit_panel.status.text()
    mouse.drag(right, (6.0, 14.1))  # a hand trembles
    assert edit_panel.table.selected_values == [2]
    mouse.drag(left)
    settle(edit_panel, qtbot)
    assert np.unique(layer.data).tolist() == [0, 2]
    layer.undo()
    np.testing.assert_array_equal(layer.data, objects)


def test_parts_of_an_object_keep_its_class(layer, edit_panel, qtbot):
    press(edit_panel, qtbot, "separate")
    edit_panel.session.cut([(0.0, 12.0), (23.0, 12.0)], [])
    settle(edit_panel, qtbot)
    assert object_classes(layer).tolist() == [0, 2, 2, 2]


def test_classes_go_and_come_with_undo(layer, edit_panel, qtbot):
    press(edit_panel, qtbot, "separate")
    layer.undo()
    assert object_classes(layer) is None
    layer.redo()
    assert object_classes(layer).tolist() == [0, 2, 2]
    edit_panel.session.cut([(0.0, 12.0), (23.0, 12.0)], [])
    settle(edit_panel, qtbot)
    layer.undo()
    assert object_classes(layer).tolist() == [0, 2, 2]


def test_classes_follow_objects_to_other_numbers(layer, edit_panel, qtbot):
    layer.data = np.where(np.arange(44) > 20, CLASSES * 2 - 1, CLASSES)
    settle(edit_panel, qtbot)
    edit_panel.table.select_values([2, 3])
    settle(edit_panel, qtbot)
    press(edit_panel, qtbot, "separate")
    assert object_classes(layer).tolist() == [0, 2, 3]
    edit_panel.table.select_values([1, 2])
    press(edit_panel, qtbot, "swap")
    assert object_classes(layer).tolist() == [0, 3, 2]
    edit_panel.session.click((12, 8))
    edit_panel.session.click((12, 32))  # becomes part of the first
    settle(edit_panel, qtbot)
    assert object_classes(layer)[1] == 3
    layer.undo()
    settle(edit_panel, qtbot)
    edit_panel.table.select_values([1])
    press(edit_panel, qtbot, "background")
    press(edit_panel, qtbot, "relabel")
    assert np.unique(layer.data).tolist() == [0, 1]
    assert object_classes(layer)[1] == 2


def test_limits_have_the_unit_of_the_layer(layer, edit_panel, qtbot):
    fields = edit_panel.fields.objects
    assert fields.smallest_box.suffix() == " µm"
    fields.smallest_box.setValue(20)  # µm; the discs have 9
    press(edit_panel, qtbot, "separate")
    assert not layer.data.any()
    layer.undo()
    fields.smallest_box.setValue(0)
    fields.largest_box.setValue(8)
    press(edit_panel, qtbot, "separate")
    assert not layer.data.any()


def test_measurements_go_to_the_features(layer, edit_panel, qtbot):
    press(edit_panel, qtbot, "separate")
    edit_panel.table.select_values([1])
    press(edit_panel, qtbot, "measure")
    features = layer.features  # row i is label i, as napari's table has it
    assert features["index"].tolist() == [0, 1, 2]
    assert features["class"].tolist() == [0, 2, 2]
    assert features["mean_dna"][1:].tolist() == [100.0, 100.0]
    areas = np.bincount(layer.data.ravel())[1:] / 4
    assert features["area (µm²)"][1:].tolist() == areas.tolist()
    assert features["area (µm²)"].isna().tolist() == [True, False, False]
    assert "Measured 2 objects" in edit_panel.status.text()


@pytest.mark.parametrize(
    ("place", "centre", "area"),
    [
        ({"scale": (2, 3), "translate": (10, 20)}, (30, 80), 6),
        ({"scale": (-2, 3)}, (-20, 60), 6),
        ({"rotate": 90}, (-20, 10), 1),
        ({"affine": np.diag([2.0, 2.0, 1.0])}, (20, 40), 4),
    ],
)
def test_centroids_are_in_the_world(viewer, edit_panel, qtbot, place, centre, area):
    labels = np.zeros((30, 40), np.int32)
    labels[9:12, 19:22] = 1
    layer = viewer.add_labels(labels, **place)
    settle(edit_panel, qtbot)
    press(edit_panel, qtbot, "measure")
    row = layer.features.iloc[1]
    found = [row[c] for c in layer.features if str(c).startswith("centroid")]
    np.testing.assert_allclose(found, centre, atol=1e-9)
    size = next(c for c in layer.features if str(c).startswith("area"))
    assert row[size] == 9 * area


def test_table_and_outlines_are_saved(layer, edit_panel, qtbot, tmp_path, monkeypatch):
    press(edit_panel, qtbot, "separate")
    press(edit_panel, qtbot, "measure")

    def save(button, name):
        answer = str(tmp_path / name), ""
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: answer)
        press(edit_panel, qtbot, button)
        return tmp_path / name

    table = pandas.read_csv(save("save_measurements", "a.csv"))
    assert table["max_dna"].tolist() == [100, 100]
    collection = json.loads(save("save_labels", "a.geojson").read_text("utf-8"))
    properties = collection["features"][0]["properties"]
    assert properties["classification"]["name"] == "class 2"
    assert len(properties["classification"]["color"]) == 3
    assert properties["measurements"]["mean_dna"] == 100
    roifile = pytest.importorskip("roifile")
    assert len(roifile.roiread(save("save_labels", "a.zip"))) == 2


@pytest.mark.parametrize("ending", [".ome.tif", ".geojson", ".zip", ".zarr", ".csv"])
def test_napari_saves_labels_with_our_writer(
    viewer, edit_panel, qtbot, ending, tmp_path
):
    if library := {".zip": "roifile", ".zarr": "ome_zarr"}.get(ending):
        pytest.importorskip(library)
    PluginManager.instance().discover()
    viewer.add_labels(np.where(CLASSES == 2, 3, 0), name="cells")
    settle(edit_panel, qtbot)
    press(edit_panel, qtbot, "measure")
    path = str(tmp_path / f"cells{ending}")
    assert viewer.layers.save(path, plugin="napari-mmtseg") == [path]
    if ending == ".ome.tif":
        np.testing.assert_array_equal(tifffile.imread(path) > 0, CLASSES == 2)
    if ending == ".zarr":
        group = pytest.importorskip("zarr").open_group(path, mode="r")
        stored = group["labels/mmtseg/0"][:]
        np.testing.assert_array_equal(stored > 0, CLASSES == 2)
    if ending == ".csv":
        assert pandas.read_csv(path)["label"].tolist() == [3]
    if ending == ".geojson":
        (feature,) = json.loads(Path(path).read_text("utf-8"))["features"]
        area = feature["properties"]["measurements"]["area (pixels²)"]
        assert area == (CLASSES == 2).sum()


def test_napari_says_why_labels_cannot_be_saved(viewer, tmp_path):
    PluginManager.instance().discover()
    viewer.add_labels(CLASSES, name="cells")
    with pytest.raises(RuntimeError, match="no measurements yet"):
        viewer.layers.save(str(tmp_path / "cells.csv"), plugin="napari-mmtseg")


def test_refusals_are_notes(viewer, edit_panel, qtbot, notifications):
    layer = viewer.add_labels(np.ones((20, 20), np.uint8))
    settle(edit_panel, qtbot)
    press(edit_panel, qtbot, "separate")
    assert "one class only" in notifications[-1][1]
    layer.data = np.zeros((20, 20), np.uint8)
    settle(edit_panel, qtbot)
    press(edit_panel, qtbot, "measure")
    assert "no objects to measure" in notifications[-1][1]


def test_more_objects_than_the_layer_holds(viewer, edit_panel, qtbot, notifications):
    labels = np.zeros((90, 90), np.uint8)
    labels[::5, ::5] = 1
    layer = viewer.add_labels(labels.copy())
    settle(edit_panel, qtbot)
    press(edit_panel, qtbot, "separate")
    assert "324 labels up to 324" in notifications[-1][1]
    assert "uint8 ends at 255" in notifications[-1][1]
    np.testing.assert_array_equal(layer.data, labels)


def test_dask_labels_are_measured(viewer, edit_panel, qtbot):
    from_array = pytest.importorskip("dask.array").from_array
    layer = viewer.add_labels(from_array(np.where(CLASSES == 2, 4, 0), chunks=(8, 8)))
    settle(edit_panel, qtbot)
    press(edit_panel, qtbot, "measure")
    assert layer.features["index"].tolist() == [0, 1, 2, 3, 4]
    assert layer.features["area (pixels²)"][4] == (CLASSES == 2).sum()

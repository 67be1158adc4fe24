"""The Edit labels panel: table, preview, names, layers that come and go."""

import dask.array as da
import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from napari_mmtseg.labels.editing import cleaning as label_cleaning
from tests.napari.driving import click, press, settle
from tests.napari.edit.labels import PLANE, stack


def test_the_table_tells_classes_areas_and_regions(viewer, edit_panel, qtbot):
    viewer.add_labels(PLANE.copy(), scale=(0.5, 0.2), units=("um", "um"))
    settle(edit_panel, qtbot)
    classes = edit_panel.table.classes
    texts = [
        [classes.data(classes.index(row, column)) for column in range(5)]
        for row in range(classes.rowCount())
    ]
    n = [int((v == PLANE).sum()) for v in (0, 1, 2, 5, 7)]
    assert texts[0][:3] == ["0", "background", str(n[0])]
    assert [row[0] for row in texts] == ["0", "1", "2", "5", "7"]
    assert [row[2] for row in texts] == [str(i) for i in n]
    assert texts[2][3] == f"{n[2] * 0.1:.4g}"
    assert [row[4] for row in texts] == ["", "1", "3", "1", "1"]
    assert classes.headerData(3, Qt.Orientation.Horizontal) == "µm²"


def test_volumes_are_told_for_stacks_and_nothing_for_pixels(viewer, edit_panel, qtbot):
    viewer.add_labels(stack(), scale=(1000, 0.5, 0.2), units=("nm", "um", "um"))
    settle(edit_panel, qtbot)
    assert edit_panel.table.classes.measure.title == "Volume (µm³)"
    assert edit_panel.table.classes.measure.size == pytest.approx(0.1)
    click(qtbot, edit_panel.target.slice_button)
    settle(edit_panel, qtbot)
    assert edit_panel.table.classes.measure.title == "Area (µm²)"
    viewer.add_labels(stack())
    settle(edit_panel, qtbot)
    assert edit_panel.table.classes.measure is None
    assert edit_panel.table.isColumnHidden(3)


def test_sizes_may_be_given_in_the_unit_of_the_layer(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(PLANE.copy(), scale=(0.5, 0.5), units=("um", "um"))
    settle(edit_panel, qtbot)
    fields = edit_panel.fields
    fields.island_size.setValue(20)
    fields.unit.setCurrentIndex(1)
    assert fields.island_size.value() == 5
    assert fields.island_size.suffix() == " µm²"
    fields.island_size.setValue(0.5)  # two pixels: class 7 and the dot go
    press(edit_panel, qtbot, "remove_islands")
    assert layer.data[22, 1] == 0
    assert layer.data[12, 5] == 1
    assert layer.data[22, 27] == 2


def test_a_preview_says_and_shows_what_would_change(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(PLANE.copy(), scale=(2, 2), translate=(5, 7), rotate=20)
    click(qtbot, edit_panel.buttons["preview"])
    press(edit_panel, qtbot, "remove_islands")
    new = label_cleaning.remove_islands(PLANE, 20)
    n = np.count_nonzero(new != PLANE)
    share = f"{100 * n / PLANE.size:.1f}"
    text = f"Remove islands: changes {n} pixels ({share} %) in 3 regions."
    assert edit_panel.status.text() == text
    np.testing.assert_array_equal(layer.data, PLANE)
    overlay = edit_panel.preview.overlay
    assert overlay in viewer.layers
    np.testing.assert_array_equal(overlay.data.astype(bool), new != PLANE)
    np.testing.assert_allclose(
        overlay.data_to_world((3, 4)), layer.data_to_world((3, 4))
    )
    assert viewer.layers.selection.active == layer
    assert edit_panel.target.layer == layer
    # Another size, another preview.
    edit_panel.fields.island_size.setValue(2)
    settle(edit_panel, qtbot)
    assert "changes 2 pixels" in edit_panel.status.text()
    assert edit_panel.preview.overlay == overlay
    press(edit_panel, qtbot, "apply")
    assert overlay not in viewer.layers
    assert not edit_panel.buttons["apply"].isVisibleTo(edit_panel)
    assert np.count_nonzero(layer.data != PLANE) == 2
    layer.undo()
    np.testing.assert_array_equal(layer.data, PLANE)


def test_a_preview_is_gone_with_cancel_its_overlay_or_its_layer(
    viewer, edit_panel, qtbot
):
    layer = viewer.add_labels(PLANE.copy())
    click(qtbot, edit_panel.buttons["preview"])
    for end in (
        lambda: click(qtbot, edit_panel.buttons["cancel"]),
        lambda: viewer.layers.remove(edit_panel.preview.overlay),
        lambda: viewer.layers.remove(layer),
    ):
        press(edit_panel, qtbot, "smooth")
        assert len(viewer.layers) == 2
        end()
        assert edit_panel.preview.plan is None
        assert edit_panel.preview.overlay is None
        assert not edit_panel.buttons["apply"].isVisibleTo(edit_panel)
        assert list(viewer.layers) in ([layer], [])
        np.testing.assert_array_equal(layer.data, PLANE)
    assert not viewer.layers


def test_an_edit_during_a_preview_is_not_lost(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(PLANE.copy())
    settle(edit_panel, qtbot)
    edit_panel.table.select_values([1, 2])
    click(qtbot, edit_panel.buttons["preview"])
    press(edit_panel, qtbot, "merge")
    text = edit_panel.status.text()
    layer.data_setitem((np.array([0]), np.array([0])), 2)
    settle(edit_panel, qtbot)
    assert edit_panel.status.text() != text
    layer.data_setitem((np.array([3]), np.array([15])), 1)
    click(qtbot, edit_panel.buttons["apply"])  # before the preview could follow
    settle(edit_panel, qtbot)
    assert layer.data[0, 0] == 1
    assert 2 not in layer.data


def test_names_are_typed_kept_and_undone(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(PLANE.copy(), features={"index": [2, 5], "a": [3, 4]})
    settle(edit_panel, qtbot)
    edit_panel.table.select_values([5])
    press(edit_panel, qtbot, "rename")
    editor = edit_panel.table.findChild(QLineEdit)
    qtbot.keyClicks(editor, "nuclei")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "name" in layer.features)
    features = layer.features
    assert features["name"].tolist()[1] == "nuclei"
    assert features["a"].tolist() == [3, 4]
    classes = edit_panel.table.classes
    assert classes.data(classes.index(3, classes.NAME)) == "nuclei"
    status = layer.get_status((14, 20))
    assert "name: nuclei" in status["value"]
    press(edit_panel, qtbot, "undo")
    assert classes.data(classes.index(3, classes.NAME)) == ""
    press(edit_panel, qtbot, "redo")
    assert classes.data(classes.index(3, classes.NAME)) == "nuclei"
    press(edit_panel, qtbot, "relabel")  # 5 becomes 3
    assert classes.data(classes.index(3, classes.NAME)) == "nuclei"
    assert layer.features["index"].tolist() == [2, 3]
    press(edit_panel, qtbot, "undo")
    assert layer.features["index"].tolist() == [2, 5]
    np.testing.assert_array_equal(layer.data, PLANE)


def test_highlight_shows_one_class_and_all_again(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(PLANE.copy())
    settle(edit_panel, qtbot)
    edit_panel.table.select_values([2], last=2)
    press(edit_panel, qtbot, "highlight")
    assert layer.show_selected_label
    assert layer.selected_label == 2
    edit_panel.table.select_values([5], last=5)
    assert layer.selected_label == 5
    press(edit_panel, qtbot, "highlight")
    assert not layer.show_selected_label


def test_a_double_click_goes_to_the_largest_region(viewer, edit_panel, qtbot):
    data = np.zeros((6, 40, 50), np.uint8)
    data[1, 3, 3] = 4
    data[4, 20:30, 30:40] = 4
    viewer.add_labels(data, scale=(3, 0.5, 0.5), translate=(0, 1, 0))
    settle(edit_panel, qtbot)
    table = edit_panel.table
    place = table.visualRect(table.classes.index(1, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert table.selected_values == [4]
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    settle(edit_panel, qtbot)
    assert viewer.dims.current_step[0] == 4
    camera = getattr(viewer, "scene", viewer).camera
    np.testing.assert_allclose(camera.center[1:], (24.5 * 0.5 + 1, 34.5 * 0.5))


def test_buttons_are_there_for_as_many_classes_as_they_take(viewer, edit_panel, qtbot):
    viewer.add_labels(PLANE.copy())
    settle(edit_panel, qtbot)

    def enabled():
        return {
            name
            for name in ("merge", "swap", "background", "rename", "split", "smooth")
            if edit_panel.buttons[name].isEnabled()
        }

    edit_panel.table.select_values([])
    assert enabled() == {"smooth"}
    edit_panel.table.select_values([1])
    assert enabled() == {"smooth", "background", "rename", "split"}
    edit_panel.table.select_values([1, 2])
    assert enabled() == {"smooth", "background", "split", "merge", "swap"}
    edit_panel.table.select_values([1, 2, 5])
    assert enabled() == {"smooth", "background", "split", "merge"}
    assert not edit_panel.buttons["split_region"].isEnabled()


def test_layers_come_go_and_change(viewer, edit_panel, qtbot):
    assert "no Labels layer" in edit_panel.reason.text()
    assert not edit_panel.buttons["smooth"].isEnabled()
    first = viewer.add_labels(PLANE.astype(bool), name="first")
    second = viewer.add_labels(np.zeros((4, 5), np.uint8), name="second")
    settle(edit_panel, qtbot)
    assert edit_panel.target.layer == second
    assert edit_panel.table.classes.rowCount() == 1
    press(edit_panel, qtbot, "remove_islands")
    assert edit_panel.status.text() == "Remove islands: changed nothing."
    viewer.layers.selection.active = first
    settle(edit_panel, qtbot)
    assert edit_panel.target.layer == first
    assert edit_panel.table.classes.table.values.tolist() == [0, 1]
    first.name = "renamed"
    assert edit_panel.target.choice.box.native.currentText() == "renamed"
    first.data = PLANE.copy()
    settle(edit_panel, qtbot)
    assert edit_panel.table.classes.table.values.tolist() == [0, 1, 2, 5, 7]
    edit_panel.target.choice.box.value = second
    assert viewer.layers.selection.active == second
    viewer.layers.clear()
    settle(edit_panel, qtbot)
    assert edit_panel.target.layer is None
    assert edit_panel.table.classes.rowCount() == 0


def test_what_cannot_be_edited_says_what_to_do(viewer, edit_panel, qtbot):
    viewer.add_labels(da.from_array(PLANE))
    settle(edit_panel, qtbot)
    assert "np.array(layer.data)" in edit_panel.reason.text()
    assert not edit_panel.buttons["relabel"].isEnabled()
    layer = viewer.add_labels(PLANE.copy())
    settle(edit_panel, qtbot)
    assert not edit_panel.reason.text()
    layer.editable = False
    assert "locked" in edit_panel.reason.text()
    layer.editable = True
    assert not edit_panel.reason.text()


def test_too_many_regions_for_the_type_are_refused(
    viewer, edit_panel, qtbot, notifications
):
    data = np.zeros((40, 60), np.uint8)
    data[::2, ::2] = 1
    layer = viewer.add_labels(data.copy())
    settle(edit_panel, qtbot)
    edit_panel.table.select_values([1])
    press(edit_panel, qtbot, "split")
    assert "Convert the labels to int32" in notifications[-1][1]
    np.testing.assert_array_equal(layer.data, data)


def test_the_selection_stays_with_its_classes(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(PLANE.copy())
    settle(edit_panel, qtbot)
    table = edit_panel.table
    table.select_values([2, 7], last=7)
    layer.data_setitem((np.array([0]), np.array([0])), 3)  # a row between
    qtbot.waitUntil(lambda: table.classes.rowCount() == 6)
    assert table.selected_values == [2, 7]
    table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert table.selected_values == [2, 7]
    assert table.classes.value_at(0) == 0
    layer.selected_label = 5  # as with napari's own picker
    assert table.selected_values == [5]


def test_a_hundred_thousand_instances(viewer, edit_panel, qtbot):
    edit_panel.hide()  # Qt asks for every cell to paint the header above a selection
    data = np.arange(320 * 320, dtype=np.int32).reshape(320, 320) * 1000
    layer = viewer.add_labels(data.copy())
    settle(edit_panel, qtbot)
    assert edit_panel.table.classes.rowCount() == 320 * 320
    edit_panel.table.selectAll()
    assert len(edit_panel.table.selected_values) == 320 * 320
    press(edit_panel, qtbot, "merge")
    assert len(np.unique(layer.data)) == 1
    press(edit_panel, qtbot, "undo")
    np.testing.assert_array_equal(layer.data, data)
    press(edit_panel, qtbot, "relabel")
    assert layer.data.max() == 320 * 320 - 1


@pytest.mark.window
def test_closing_the_panel_leaves_the_viewer_alone(viewer, edit_panel, qtbot):
    panel = edit_panel
    layer = viewer.add_labels(PLANE.copy())
    settle(panel, qtbot)
    panel.table.select_values([2], last=2)
    for name in ("pick", "highlight", "preview"):
        press(panel, qtbot, name)
    press(panel, qtbot, "smooth")
    assert len(viewer.layers) == 2
    n_callbacks = len(viewer.mouse_drag_callbacks)
    viewer.window.remove_dock_widget(panel)
    assert list(viewer.layers) == [layer]
    assert len(viewer.mouse_drag_callbacks) == n_callbacks - 1
    assert not layer.show_selected_label
    layer.data_setitem((np.array([0]), np.array([0])), 3)
    viewer.add_labels(PLANE.copy())
    qtbot.wait(200)
    assert panel.table.classes.table.values.tolist() == [0, 1, 2, 5, 7]

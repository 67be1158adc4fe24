"""Every button of the Edit labels panel, by real signals, undone pixel by pixel."""

import numpy as np
import pytest

from napari_mmtseg.labels.editing import cleaning as label_cleaning
from napari_mmtseg.labels.editing import operations as label_operations
from tests.napari.driving import click, press, settle
from tests.napari.edit.labels import PLANE, stack

SELECTED = {
    "merge": [1, 2],
    "swap": [1, 5],
    "background": [5, 7],
    "relabel": [],
    "split": [2],
    "split_region": [],
    "remove_islands": [],
    "fill_holes": [],
    "smooth": [],
}
CLICKED = (23, 28)


def expected(name, labels, taken, n_axes=None, position=CLICKED):
    """Return what an operation makes of labels, with the fields at their defaults."""
    values = SELECTED[name]
    if name == "merge":
        return label_operations.merge(labels, values, 1)
    if name == "swap":
        return label_operations.swap(labels, *values)
    if name == "background":
        return label_operations.set_background(labels, values)
    if name == "relabel":
        return label_operations.relabel(labels)
    if name == "split":
        return label_operations.split(labels, values, taken=taken, n_axes=n_axes)
    if name == "split_region":
        return label_operations.split_region(
            labels, position, taken=taken, n_axes=n_axes
        )
    clean = getattr(label_cleaning, name)
    arguments = {"remove_islands": [20], "smooth": [2], "fill_holes": []}[name]
    return clean(labels, *arguments, n_axes=n_axes)


def check_all(panel, qtbot, layer, part, n_axes=None, relabel_whole=True):
    before = layer.data.copy()
    for name, values in SELECTED.items():
        settle(panel, qtbot)
        panel.table.select_values(values)
        position = CLICKED
        if before.ndim == 3:
            position = (part[0].start, *CLICKED)
        panel.session.clicked = position
        panel.table.selection_changed.emit()
        here = tuple(slice(None) for _ in part) if name == "relabel" else part
        inside = [i - (s.start or 0) for i, s in zip(position, here, strict=True)]
        after = before.copy()
        after[here] = expected(name, before[here], np.unique(before), n_axes, inside)
        assert not np.array_equal(after, before), name
        press(panel, qtbot, name)
        np.testing.assert_array_equal(layer.data, after, err_msg=name)
        assert " changed " in panel.status.text()
        click(qtbot, panel.buttons["undo"])
        np.testing.assert_array_equal(layer.data, before, err_msg=name)
        click(qtbot, panel.buttons["redo"])
        np.testing.assert_array_equal(layer.data, after, err_msg=name)
        layer.undo()
        np.testing.assert_array_equal(layer.data, before, err_msg=name)


def test_every_operation_in_2d(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(PLANE.copy())
    check_all(edit_panel, qtbot, layer, (slice(0, 24), slice(0, 30)))


def test_every_operation_on_the_current_slice(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(stack())
    click(qtbot, edit_panel.target.slice_button)
    viewer.dims.set_current_step(0, 1)
    part = (slice(1, 2), slice(0, 24), slice(0, 30))
    check_all(edit_panel, qtbot, layer, part)


@pytest.mark.parametrize("across", [True, False])
def test_every_operation_on_all_slices(viewer, edit_panel, qtbot, across):
    layer = viewer.add_labels(stack())
    if not across:
        edit_panel.target.across.click()
    part = (slice(0, 3), slice(0, 24), slice(0, 30))
    check_all(edit_panel, qtbot, layer, part, 3 if across else 2)


def test_four_dimensions_and_swapped_axes(viewer, edit_panel, qtbot):
    data = np.stack([stack(), stack()]).astype(np.uint16)
    layer = viewer.add_labels(data.copy())
    click(qtbot, edit_panel.target.slice_button)
    viewer.dims.order = (1, 2, 0, 3)  # shows the first and the last axis
    viewer.dims.set_current_step(1, 2)
    viewer.dims.set_current_step(2, 5)
    settle(edit_panel, qtbot)
    assert edit_panel.table.classes.table.n_pixels.sum() == 2 * 30
    edit_panel.table.select_values([1])
    press(edit_panel, qtbot, "background")
    after = data.copy()
    after[:, 2, 5][after[:, 2, 5] == 1] = 0
    np.testing.assert_array_equal(layer.data, after)
    layer.undo()
    np.testing.assert_array_equal(layer.data, data)
    click(qtbot, edit_panel.target.all_button)
    settle(edit_panel, qtbot)
    edit_panel.table.select_values([2])
    press(edit_panel, qtbot, "split")  # in each volume on its own
    assert len(np.unique(layer.data[0])) < len(np.unique(layer.data))
    layer.undo()
    np.testing.assert_array_equal(layer.data, data)


def test_in_3d_display_the_volume_is_what_is_shown(viewer, edit_panel, qtbot):
    layer = viewer.add_labels(stack())
    viewer.dims.ndisplay = 3
    click(qtbot, edit_panel.target.slice_button)
    settle(edit_panel, qtbot)
    assert edit_panel.table.classes.table.n_pixels.sum() == layer.data.size

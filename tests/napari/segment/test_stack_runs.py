"""Stacks and volumes, from Run to the Labels layer."""

import numpy as np
import pytest

import napari_mmtseg as mm
from napari_mmtseg.progress import SegmentationStep
from tests.napari.driving import (
    QUICK,
    assert_the_same,
    click,
    in_a_thread,
    labels_layers,
    run_to_the_end,
    set_values,
    wait_for_end,
)
from tests.napari.stacks import STACK, TRUTHS


@pytest.mark.parametrize("mode", ["one_model", "slice_by_slice", "volume"])
def test_every_mode_labels_the_whole_stack(viewer, panel, qtbot, mode):
    viewer.add_image(STACK, name="stack")
    assert panel.form.widgets["stack"].native.isVisibleTo(panel.native)
    set_values(panel, n_labels=2, stack=mode)
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == STACK.shape
    assert labels.data.dtype == np.int32
    assert labels.editable
    assert set(np.unique(labels.data)) == {0, 1}
    assert np.mean(labels.data == TRUTHS) > 0.95
    about = labels.metadata["napari_mmtseg"]
    assert about["settings"]["stack"] == mode
    # The curve of the last slice alone would not end at the number of labels.
    has_curve = panel.progress.curve.isVisibleTo(panel.native)
    assert not has_curve  # it ends before classes merge
    assert about["slice"] == {}
    assert about["shape"] == list(STACK.shape)


def test_the_result_is_that_of_the_python_function(viewer, panel, qtbot):
    viewer.add_image(STACK, name="stack")
    run_to_the_end(panel, qtbot)
    expected = in_a_thread(mm.segment, STACK, axes="ZYX", background="auto", **QUICK)
    assert_the_same(labels_layers(viewer)[0].data, expected)


def test_the_slider_moves_all_slices(viewer, panel, qtbot):
    viewer.add_image(STACK)
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    section = panel.class_count_section
    assert section.slider.isVisibleTo(panel.native)
    assert not section.merging.isEnabled()
    assert "before the run" in section.merging.toolTip()
    section.slider.slider.setValue(3)
    qtbot.waitUntil(lambda: not section.is_busy, timeout=20_000)
    assert [len(np.unique(plane)) for plane in labels.data] == [3] * 6
    section.slider.slider.setValue(2)
    qtbot.waitUntil(lambda: not section.is_busy, timeout=20_000)
    assert [len(np.unique(plane)) for plane in labels.data] == [2] * 6
    labels.undo()
    assert [len(np.unique(plane)) for plane in labels.data] == [3] * 6


def test_confidence_says_why_it_does_not_go_with_a_stack(viewer, panel, qtbot):
    viewer.add_image(STACK)
    run_to_the_end(panel, qtbot)
    button = panel.confidence_section.show_button
    assert button.isVisibleTo(panel.native)
    assert not button.isEnabled()
    assert "current slice" in button.toolTip()


def test_slice_by_slice_says_why_there_is_no_slider(viewer, panel, qtbot):
    viewer.add_image(STACK)
    set_values(panel, stack="slice_by_slice")
    run_to_the_end(panel, qtbot)
    section = panel.class_count_section
    assert not section.slider.isVisibleTo(panel.native)
    assert "Every slice has a model of its own" in section.about.text()


def test_the_model_of_a_stack_labels_another_one_alike(viewer, panel, qtbot):
    first = viewer.add_image(STACK, name="first")
    set_values(panel, n_labels=2)
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    other = viewer.add_image(STACK[::-1].copy(), name="other")
    assert panel.choice.layer.value == other
    panel.model_actions.apply_layer(labels)
    wait_for_end(panel, qtbot)
    np.testing.assert_array_equal(viewer.layers["other labels"].data[::-1], labels.data)
    section = panel.class_count_section
    assert section.layer == viewer.layers["other labels"]
    section.slider.slider.setValue(3)
    qtbot.waitUntil(lambda: not section.is_busy, timeout=20_000)
    assert len(np.unique(section.layer.data)) == 3
    viewer.layers.selection.active = first
    panel.slices.value = "current slice"
    panel.model_actions.apply_layer(labels)
    wait_for_end(panel, qtbot)
    one = viewer.layers[-1]
    assert one.data.shape == (1, 48, 64)


def test_an_edited_stack_teaches_the_next_run(viewer, panel, qtbot):
    viewer.add_image(STACK, name="stack")
    set_values(panel, n_labels=2)
    run_to_the_end(panel, qtbot)
    (first,) = labels_layers(viewer)
    first.data_setitem(tuple(np.nonzero(TRUTHS)), 9)
    panel.scribble_choice.choose(first, edits=True)
    run_to_the_end(panel, qtbot)
    labels = viewer.layers[-1]
    assert labels != first
    assert labels.data.shape == STACK.shape
    assert not first.visible
    assert (labels.data[TRUTHS] == 9).all()
    assert np.mean(labels.data[~TRUTHS] == 0) > 0.9


def test_the_model_of_volumes_needs_volumes(viewer, panel, qtbot, notifications):
    viewer.add_image(STACK, name="stack")
    set_values(panel, stack="volume")
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    panel.model_actions.apply_layer(labels)
    wait_for_end(panel, qtbot)
    assert viewer.layers[-1].data.shape == STACK.shape
    n_layers = len(viewer.layers)
    panel.slices.value = "current slice"
    panel.model_actions.apply_layer(labels)
    wait_for_end(panel, qtbot)
    assert len(viewer.layers) == n_layers
    assert notifications[-1][0] == "warning"
    assert "This model needs volumes" in notifications[-1][1]


def test_strokes_on_one_slice_teach_the_whole_stack(viewer, panel, qtbot):
    viewer.add_image(STACK, name="stack")
    paint = np.zeros(STACK.shape, np.uint8)
    paint[2, 3:6, 3:12] = 7
    paint[2, 20:24, 26:40] = 5
    viewer.add_labels(paint, name="paint")
    panel.scribble_choice.choose(viewer.layers["paint"])
    assert not panel.scribble_choice.all_slices.isVisibleTo(panel.native)
    run_to_the_end(panel, qtbot)
    labels = viewer.layers["stack labels"].data
    assert np.mean(labels == np.where(TRUTHS, 5, 7)) > 0.95


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stack": "volume"}, "needs an axis Z"),
        ({"method": "kmeans"}, "method=kmeans leaves no model"),
    ],
)
def test_what_does_not_go_with_a_stack_is_said_before_the_run(
    viewer, panel, values, message
):
    viewer.add_image(STACK)
    panel.axes.value = "T Y X"
    assert panel.run_button.isEnabled()
    set_values(panel, **values)
    assert not panel.run_button.isEnabled()
    assert message in panel.reason.text()
    panel.slices.value = "current slice"
    assert panel.run_button.isEnabled(), panel.reason.text()


def test_volumes_of_a_time_series(viewer, panel, qtbot):
    series = np.stack([STACK, STACK[:, ::-1]])
    viewer.add_image(series, name="series", scale=(1, 3, 1, 1))
    panel.axes.value = "T Z Y X"
    set_values(panel, n_labels=2, stack="volume")
    assert "2 volumes (T) of 6 slices (Z) of 48 x 64, in 3D" in panel.hint.text()
    click(qtbot, panel.run_button)
    panel.progress.show_step(SegmentationStep("prediction", 1, 1, n_slices=2), 1)
    assert panel.progress.text.text() == "Volume 1 of 2"
    wait_for_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == series.shape
    truths = np.stack([TRUTHS, TRUTHS[:, ::-1]])
    assert np.mean(labels.data == truths) > 0.9

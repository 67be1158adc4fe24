"""Runs that learn from painted labels."""

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_mmtseg.napari.layers.result import result_of
from tests.napari.driving import (
    click,
    labels_layers,
    run_to_the_end,
    set_values,
    take_current_slice,
    two_levels,
)


def textures():
    """Return smooth and rough halves of the same mean intensity."""
    rng = np.random.default_rng(0)
    image = np.full((64, 96), 120.0)
    image[:, 48:] += np.where(rng.random((64, 48)) < 0.5, -60, 60)
    return (image + rng.normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8)


def choose(panel, text):
    panel.scribbles.value = text


def newest(viewer):
    """Return the layer of the last run."""
    results = [layer for layer in labels_layers(viewer) if result_of(layer)]
    return max(results, key=lambda layer: viewer.layers.index(layer))


@pytest.fixture
def painted(viewer, panel, qtbot):
    """An image of two textures and a few strokes of 4 and 9 on it."""
    viewer.add_image(textures(), name="textures", scale=(2, 2))
    paint = np.zeros((64, 96), np.int32)
    paint[10:13, 5:35] = paint[40:43, 10:40] = 4
    paint[10:13, 58:88] = paint[50:53, 60:90] = 9
    layer = viewer.add_labels(paint, name="paint", scale=(2, 2))
    return panel, layer


def test_paint_names_the_classes(painted, viewer, qtbot):
    panel, paint = painted
    assert panel.scribbles.value == "none"
    choose(panel, "paint")
    run_to_the_end(panel, qtbot)
    assert viewer.layers.selection.active == paint  # to go on painting
    assert [layer.name for layer in viewer.layers] == [
        "textures",
        "textures labels",
        "paint",
    ]
    result = viewer.layers["textures labels"]
    assert panel.class_count_section.layer == result
    assert set(np.unique(result.data)) == {4, 9}
    assert (result.data[:, :44] == 4).mean() > 0.9
    assert (result.data[:, 52:] == 9).mean() > 0.9
    strokes = paint.data > 0
    np.testing.assert_array_equal(result.data[strokes], paint.data[strokes])
    about = result.metadata["napari_mmtseg"]
    assert (about["hints"], about["hinted_labels"]) == ("paint", [4, 9])
    np.testing.assert_array_equal(result.get_color(9), paint.get_color(9))


def test_more_paint_goes_on_from_the_last_model(painted, viewer, qtbot):
    panel, paint = painted
    set_values(panel, n_steps=12, warm_start_steps=8)
    choose(panel, "paint")
    run_to_the_end(panel, qtbot)
    first = viewer.layers["textures labels"]
    paint.data[30:33, 70:90] = 7  # a third class
    run_to_the_end(panel, qtbot)
    second = viewer.layers["textures labels [1]"]
    assert set(np.unique(second.data)) == {4, 7, 9}
    assert (second.data[30:33, 70:90] == 7).all()
    steps = [x.metadata["napari_mmtseg"]["n_steps"] for x in (first, second)]
    assert steps[1] < steps[0]
    assert not first.visible
    assert second.visible
    # Without the third class again: that is another task, learned anew.
    paint.data[paint.data == 7] = 0
    run_to_the_end(panel, qtbot)
    third = viewer.layers["textures labels [2]"]
    assert set(np.unique(third.data)) == {4, 9}


def test_edits_of_a_result_teach_the_next_run(viewer, panel, qtbot):
    image, truth = two_levels((64, 96))
    image[40:60, 60:90] = 120  # grey, which belongs to neither
    viewer.add_image(image, name="levels")
    set_values(panel, n_labels=2)
    run_to_the_end(panel, qtbot)
    (first,) = labels_layers(viewer)
    first.brush_size = 6
    first.paint((50, 66), 3)
    first.paint((50, 70), 3)
    first.paint((25, 30), 0)
    edited = first.data.copy()
    erased = (edited == 0) & truth
    choose(panel, "edits of levels labels")
    run_to_the_end(panel, qtbot)
    second = newest(viewer)
    assert second != first
    assert not first.visible
    assert (second.data[edited == 3] == 3).all()
    assert erased[25, 30]
    assert (second.data[erased] == 0).all()  # what was erased stays erased
    assert (second.data[45:58, 64:86] == 3).mean() > 0.8 > 0.2
    outside = ~truth[:30, :50]
    agree = second.data[:30, :50][outside] == edited[:30, :50][outside]
    assert agree.mean() > 0.95
    np.testing.assert_array_equal(first.data, edited)  # nothing of the user's is lost


def test_a_result_without_edits_teaches_nothing(viewer, panel, qtbot, notifications):
    viewer.add_image(two_levels()[0], name="levels")
    run_to_the_end(panel, qtbot)
    choose(panel, "edits of levels labels")
    click(qtbot, panel.run_button)
    assert not panel.is_running
    assert "has not been edited" in notifications[-1][1]


def test_nothing_painted_is_said_before_the_run(painted, qtbot, notifications):
    panel, paint = painted
    paint.data[:] = 0
    choose(panel, "paint")
    click(qtbot, panel.run_button)
    assert not panel.is_running
    assert "Nothing is painted" in notifications[-1][1]


def test_the_choice_goes_with_its_layer(painted, viewer):
    panel, paint = painted
    choose(panel, "paint")
    paint.name = "strokes"
    assert panel.scribbles.value == "strokes"
    viewer.layers.remove(paint)
    assert panel.scribbles.value == "none"
    assert panel.scribble_choice.layer is None


def test_other_slices_teach_as_well(viewer, panel, qtbot):
    stack = np.stack([textures()] * 6)
    viewer.add_image(stack, name="stack")
    paint = np.zeros(stack.shape, np.int32)
    paint[2, 10:13, 5:35] = 1
    paint[4, 10:13, 58:88] = 2
    viewer.add_labels(paint, name="paint")
    viewer.dims.set_point(0, 2)
    take_current_slice(panel)
    choose(panel, "paint")
    assert panel.scribble_choice.all_slices.isVisibleTo(panel.native)
    panel.scribble_choice.all_slices.setChecked(True)
    run_to_the_end(panel, qtbot)
    result = viewer.layers["stack labels"]
    assert result.data.shape == (1, 64, 96)
    assert (result.data[0, :, :44] == 1).mean() > 0.9
    assert (result.data[0, :, 52:] == 2).mean() > 0.9


def test_the_code_of_a_run_with_scribbles_gives_the_same_labels(
    painted, viewer, qtbot, monkeypatch
):
    monkeypatch.setattr("napari.current_viewer", lambda: viewer)
    panel, _ = painted
    choose(panel, "paint")
    click(qtbot, panel.settings_actions.copy_button)
    code = QApplication.clipboard().text()
    run_to_the_end(panel, qtbot)
    scope = {}
    exec(code, scope)
    np.testing.assert_array_equal(
        scope["labels"], viewer.layers["textures labels"].data
    )


def test_edits_are_not_put_into_code(viewer, panel, qtbot, notifications):
    viewer.add_image(two_levels()[0], name="levels")
    run_to_the_end(panel, qtbot)
    choose(panel, "edits of levels labels")
    click(qtbot, panel.settings_actions.copy_button)
    assert "not put into code" in notifications[-1][1]

"""Which image is segmented, and why not."""

import dask.array as da
import numpy as np
import pytest

from napari_mmtseg import InputError
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.napari.segment import source
from tests.napari.driving import (
    labels_layers,
    run_to_the_end,
    set_values,
    take_current_slice,
    two_levels,
)

IMAGE = two_levels()[0]


def test_without_a_layer_run_is_disabled_and_says_why(viewer, panel):
    assert not panel.run_button.isEnabled()
    assert panel.reason.isVisibleTo(panel.native)
    assert "File > Open Sample" in panel.reason.text()


def test_a_labels_layer_is_not_offered(viewer, panel):
    viewer.add_labels(np.ones((20, 20), int), name="cells")
    assert not panel.run_button.isEnabled()
    assert "“cells” is a Labels layer" in panel.reason.text()
    assert panel.choice.layer.choices == ()


def test_the_choice_follows_the_active_layer(viewer, panel):
    first = viewer.add_image(IMAGE, name="first")
    second = viewer.add_image(IMAGE, name="second")
    assert panel.choice.layer.value == second
    viewer.layers.selection.active = first
    assert panel.choice.layer.value == first
    assert panel.run_button.isEnabled()


def test_selecting_labels_keeps_the_image(viewer, panel):
    image = viewer.add_image(IMAGE)
    viewer.add_labels(np.ones((48, 64), int))
    assert panel.choice.layer.value == image
    assert panel.run_button.isEnabled()


@pytest.mark.window
def test_the_active_layer_is_chosen_when_the_panel_opens(viewer):
    first = viewer.add_image(IMAGE, name="first")
    viewer.add_image(IMAGE, name="second")
    viewer.layers.selection.active = first
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    assert panel.choice.layer.value == first


def test_removing_the_chosen_layer_chooses_another(viewer, panel):
    first = viewer.add_image(IMAGE, name="first")
    second = viewer.add_image(IMAGE, name="second")
    viewer.layers.remove(second)
    assert panel.choice.layer.value == first
    viewer.layers.remove(first)
    assert panel.choice.layer.value is None
    assert not panel.run_button.isEnabled()


def test_a_renamed_layer_is_shown_by_its_new_name(viewer, panel):
    layer = viewer.add_image(IMAGE, name="old")
    layer.name = "new"
    assert panel.choice.layer.native.findChildren is not None
    assert panel.choice.source().name == "new"


@pytest.mark.parametrize(
    ("image", "options", "axes"),
    [
        (IMAGE, {}, "Y X"),
        (np.zeros((20, 30, 3), np.uint8), {"rgb": True}, "Y X RGB"),
        (np.zeros((20, 30, 4), np.uint8), {"rgb": True}, "Y X RGB"),
        (np.zeros((9, 20, 30)), {}, "Z Y X"),
        (np.zeros((3, 20, 30)), {}, "C Y X"),
        (np.zeros((20, 30, 2)), {}, "Y X C"),
        (np.zeros((9, 20, 30)), {"axis_labels": ("t", "y", "x")}, "T Y X"),
        (np.zeros((9, 20, 30)), {"axis_labels": ("channel", "y", "x")}, "C Y X"),
        (np.zeros((7, 9, 20, 30)), {}, "T Z Y X"),
        (np.zeros((7, 20, 30, 3), np.uint8), {"rgb": True}, "Z Y X RGB"),
    ],
)
def test_axes_are_guessed(viewer, panel, image, options, axes):
    viewer.add_image(image, contrast_limits=(0, 1), **options)
    assert panel.axes.value == axes
    assert panel.run_button.isEnabled(), panel.reason.text()


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ("Y X", "names 2 axes; “stack” has 3"),
        ("Z Z Y", "needs Y and X"),
        ("Z Y Q", "needs Y and X"),
        ("depth!", "does not name axes"),
        ("Y X RGB", "RGB has to be the last axis, with 3 or 4 entries"),
        ("", "does not name axes"),
    ],
)
def test_axes_that_do_not_fit_disable_run_and_say_why(viewer, panel, axes, message):
    viewer.add_image(np.zeros((9, 20, 30)), name="stack", contrast_limits=(0, 1))
    panel.axes.value = axes
    assert not panel.run_button.isEnabled()
    assert message in panel.reason.text()
    panel.axes.value = "z y x"
    assert panel.run_button.isEnabled()


def test_an_image_that_is_too_small_says_so(viewer, panel):
    viewer.add_image(np.zeros((1, 30)), contrast_limits=(0, 1))
    assert not panel.run_button.isEnabled()
    assert "8" in panel.reason.text()


def test_of_a_stack_the_current_slice_is_segmented(viewer, panel, qtbot):
    stack = np.stack([np.full_like(IMAGE, 30), IMAGE, np.full_like(IMAGE, 90)])
    stack = np.concatenate([stack, stack])
    viewer.add_image(stack, name="stack", scale=(4, 0.5, 0.5), translate=(1, 2, 3))
    viewer.dims.set_current_step(0, 4)
    take_current_slice(panel)
    assert "z = 4 of 0 to 5" in panel.hint.text().lower()
    set_values(panel, n_labels=2)
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == (1, 48, 64)
    np.testing.assert_allclose(labels.scale, (4, 0.5, 0.5))
    np.testing.assert_allclose(labels.translate, (1 + 4 * 4, 2, 3))
    assert labels.metadata["napari_mmtseg"]["slice"] == {"Z": 4}
    assert len(np.unique(labels.data)) == 2


def test_a_slice_outside_of_the_layer_says_so(viewer, panel):
    viewer.add_image(np.zeros((20, 20, 30)), contrast_limits=(0, 1))
    short = viewer.add_image(
        np.zeros((6, 20, 30)), name="short", contrast_limits=(0, 1)
    )
    take_current_slice(panel)
    viewer.dims.set_current_step(0, 15)
    assert panel.choice.layer.value == short
    assert not panel.run_button.isEnabled()
    assert "outside “short”" in panel.reason.text()
    viewer.dims.set_current_step(0, 5)
    assert panel.run_button.isEnabled()


def test_lazy_data_is_read_by_the_slice_and_not_before_the_run(viewer, panel, qtbot):
    read = []

    def load(block_id=None):
        read.append(block_id[0])
        return IMAGE[np.newaxis]

    stack = da.map_blocks(load, chunks=((1,) * 6, (48,), (64,)), dtype=np.uint8)
    viewer.add_image(stack, contrast_limits=(0, 255))
    viewer.dims.set_current_step(0, 3)
    panel.axes.value = "Z Y X"
    take_current_slice(panel)
    read.clear()
    assert panel.run_button.isEnabled()
    run_to_the_end(panel, qtbot)
    assert set(read) == {3}


@pytest.mark.parametrize("n_slices", [3, 5])
@pytest.mark.parametrize("labels", [("S", "Y", "X"), None])
def test_an_axis_named_s_is_one_like_any_other(
    viewer, panel, qtbot, notifications, n_slices, labels
):
    layer = viewer.add_image(np.stack([IMAGE] * n_slices), axis_labels=labels)
    panel.axes.value = "S Y X"
    assert panel.choice.has_slices
    assert panel.hint.text() == f"{n_slices} slices (S) of 48 x 64, one model."
    set_values(panel, n_labels=2)
    run_to_the_end(panel, qtbot)
    assert labels_layers(viewer)[0].data.shape == layer.data.shape
    viewer.layers.remove(layer)
    assert not [text for severity, text in notifications if severity == "error"]


def test_an_axis_named_s_beside_colours(viewer, panel):
    viewer.add_image(np.zeros((5, 20, 30, 3), np.uint8), rgb=True)
    panel.axes.value = "S Y X RGB"
    source = panel.choice.source()
    assert source.lengths == {"S": 5, "Y": 20, "X": 30}
    assert source.image_axes == "QYXS"


def test_axes_that_the_core_refuses_say_so(viewer, panel, monkeypatch):
    viewer.add_image(np.stack([IMAGE] * 5))

    def refuse(*_, **__):
        raise InputError("no such stack")

    monkeypatch.setattr(ImageStack, "of", refuse)
    panel.axes.value = "T Y X"
    assert panel.reason.text() == "no such stack"
    assert not panel.run_button.isEnabled()


def test_typed_axes_are_remembered(viewer, panel):
    stack = viewer.add_image(np.stack([IMAGE] * 9), name="stack")
    panel.axes.value = "T Y X"
    other = viewer.add_image(IMAGE, name="other")
    assert panel.axes.value == "Y X"
    viewer.layers.selection.active = stack
    assert panel.axes.value == "T Y X"
    assert panel.choice.source().axes == "T Y X"
    viewer.layers.selection.active = other
    assert panel.axes.value == "Y X"


def test_few_slices_that_are_taken_for_channels_are_named(viewer, panel):
    viewer.add_image(np.stack([IMAGE] * 4))
    assert panel.axes.value == "C Y X"
    assert panel.hint.text() == "One image of 48 x 64 with 4 channels (C)."
    viewer.add_image(np.stack([np.stack([IMAGE] * 2)] * 5), axis_labels="zcyx")
    assert panel.hint.text() == "5 slices (Z) of 48 x 64, 2 channels (C), one model."
    take_current_slice(panel)
    assert panel.hint.text().endswith("Z = 0 of 0 to 4, 2 channels (C).")


def wait_for_hint(panel, qtbot, text):
    qtbot.waitUntil(lambda: text in panel.hint.text(), timeout=5000)


def test_axis_labels_that_come_later_are_followed(viewer, panel, qtbot):
    layer = viewer.add_image(np.stack([IMAGE] * 4))
    panel.axes.value = "Z Y X"
    layer.axis_labels = ("t", "y", "x")
    assert panel.axes.value == "T Y X"
    wait_for_hint(panel, qtbot, "4 slices (T)")


def test_other_data_are_followed(viewer, panel, qtbot, monkeypatch):
    monkeypatch.setattr(source, "_MATTERS", 0)  # however much is free
    layer = viewer.add_image(np.stack([IMAGE] * 9))
    layer.data = np.zeros((7, 40, 60))
    wait_for_hint(panel, qtbot, "7 slices (Z?) of 40 x 60")
    before = panel.memory.text()
    layer.data = np.zeros((7, 2000, 3000), np.uint8)
    qtbot.waitUntil(lambda: panel.memory.text() != before, timeout=5000)
    layer.data = IMAGE
    qtbot.waitUntil(lambda: not panel.hint.isVisibleTo(panel.native), timeout=5000)
    assert panel.axes.value == "Y X"
    assert panel.run_button.isEnabled(), panel.reason.text()


@pytest.mark.parametrize("moved", ["image", "shapes"])
def test_a_layer_that_is_moved_moves_the_region(viewer, panel, qtbot, moved):
    image = viewer.add_image(IMAGE, name="image")
    box = np.array([[0, 0], [0, 20], [20, 20], [20, 0]], float)
    shapes = viewer.add_shapes([box], name="shapes")
    viewer.layers.selection.active = image
    panel.area.value = f"box around {shapes.name}"
    wait_for_hint(panel, qtbot, "Area 20 x 20")
    viewer.layers[moved].scale = (0.5, 0.5) if moved == "image" else (2, 2)
    wait_for_hint(panel, qtbot, "Area 40 x 40")
    viewer.layers[moved].translate = (5, 0) if moved == "image" else (-10, 0)
    wait_for_hint(panel, qtbot, "Area 30 x 40")


def test_a_guessed_axis_has_a_question_mark(viewer, panel):
    layer = viewer.add_image(np.zeros((8, 32, 32), np.uint8))
    assert panel.hint.text().startswith("8 slices (Z?) of 32 x 32")
    panel.axes.value = "T Y X"
    assert panel.hint.text().startswith("8 slices (T) of 32 x 32")
    layer.axis_labels = ("z", "y", "x")
    assert panel.hint.text().startswith("8 slices (Z) of 32 x 32")

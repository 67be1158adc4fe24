"""The slider for the number of classes, on real layers."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_mmtseg.napari.layers.result import result_of
from tests.napari.driving import (
    click,
    labels_layers,
    run_to_the_end,
    set_values,
    take_current_slice,
    wait_for_end,
)


def five_levels():
    """Return five stripes of different brightness with a little noise."""
    truth = np.repeat(np.arange(5), 16)[np.newaxis].repeat(48, 0)
    noise = np.random.default_rng(0).normal(0, 1, truth.shape)
    levels = np.array([20, 60, 110, 170, 240])
    return (levels[truth] + noise).clip(0, 255).astype(np.uint8), truth


@pytest.fixture
def shaped(viewer, panel, qtbot, shared_run):
    """A result with several classes, its section and its layer."""
    image, _ = five_levels()
    viewer.add_image(image, name="stripes")
    set_values(panel, merging="classes", n_steps=12, warm_start_steps=9)
    return panel.class_count_section, shared_run.result(panel, qtbot)


def hierarchy_of(layer):
    (class_count,) = result_of(layer).class_counts.values()
    return class_count.hierarchy


def settle(section, qtbot):
    qtbot.waitUntil(lambda: not section.runner.is_busy, timeout=10_000)
    qtbot.waitUntil(lambda: not section._timer.isActive(), timeout=5_000)


def slide(section, qtbot, value):
    section.slider.slider.setValue(value)
    settle(section, qtbot)


def test_the_section_is_there_once_there_is_a_result(viewer, panel, qtbot):
    assert not panel.class_count_section.isVisibleTo(panel.native)
    viewer.add_image(five_levels()[0])
    viewer.add_labels(np.ones((8, 8), int))
    assert not panel.class_count_section.isVisibleTo(panel.native)


def test_the_slider_shows_what_was_found(shaped):
    section, layer = shaped
    hierarchy = hierarchy_of(layer)
    assert section.isVisibleTo(section.parent())
    assert section.slider.slider.value() == layer.data.max() == hierarchy.fitted
    assert section.slider.slider.maximum() == hierarchy.finest >= 5
    assert section.slider.automatic == hierarchy.automatic


def test_every_stop_of_the_slider_is_undone_pixel_for_pixel(shaped, qtbot):
    section, layer = shaped
    hierarchy = hierarchy_of(layer)
    seen = [layer.data.copy()]
    for k in (3, 1, hierarchy.finest, 2):
        slide(section, qtbot, k)
        assert len(np.unique(layer.data)) == k
        np.testing.assert_array_equal(layer.data, hierarchy.labels(k))
        seen.append(layer.data.copy())
    for k, before in zip((hierarchy.finest, 1, 3, None), seen[-2::-1], strict=True):
        layer.undo()
        np.testing.assert_array_equal(layer.data, before)
        settle(section, qtbot)
        qtbot.waitUntil(
            lambda k=k: section.slider.slider.value() == (k or hierarchy.fitted)
        )
    layer.redo()
    np.testing.assert_array_equal(layer.data, seen[1])


def test_colours_stay_with_the_classes(shaped, qtbot):
    section, layer = shaped
    slide(section, qtbot, 5)
    five = layer.data.copy()
    colours = {v: layer.get_color(v).copy() for v in np.unique(five)}
    slide(section, qtbot, 4)
    kept = [
        v for v in np.unique(layer.data) if (layer.data == v).sum() < 2 * 48 * 16 - 99
    ]
    for value in kept:
        assert (layer.data[five == value] == value).all()
        np.testing.assert_array_equal(layer.get_color(value), colours[value])
    assert len(kept) == 3


def test_edits_survive_the_slider(shaped, qtbot):
    section, layer = shaped
    layer.brush_size = 5
    layer.paint((10, 10), 40)
    painted = layer.data == 40
    assert painted.any()
    for k in (2, 5, 3):
        slide(section, qtbot, k)
        np.testing.assert_array_equal(layer.data == 40, painted)
    for _ in range(3):
        layer.undo()
    np.testing.assert_array_equal(layer.data == 40, painted)
    layer.undo()
    assert not (layer.data == 40).any()


def test_connected_regions_and_back(shaped, qtbot):
    section, layer = shaped
    before = layer.data.copy()
    section.output.setCurrentIndex(1)
    section.output.activated.emit(1)
    settle(section, qtbot)
    regions = layer.data.copy()
    assert len(np.unique(regions)) >= len(np.unique(before))
    layer.undo()
    np.testing.assert_array_equal(layer.data, before)
    qtbot.waitUntil(lambda: section.output.currentIndex() == 0)
    layer.redo()
    qtbot.waitUntil(lambda: section.output.currentIndex() == 1)
    np.testing.assert_array_equal(layer.data, regions)


def test_auto_goes_back(shaped, qtbot):
    section, _ = shaped
    automatic = section.slider.automatic
    slide(section, qtbot, automatic - 1)
    click(qtbot, section.auto_button)
    settle(section, qtbot)
    assert section.slider.slider.value() == automatic
    assert not section.auto_button.isEnabled()


def test_the_slider_moves_by_keys(shaped, qtbot):
    section, layer = shaped
    start = section.slider.slider.value()
    qtbot.keyClick(section.slider.slider, Qt.Key.Key_Left)
    settle(section, qtbot)
    assert len(np.unique(layer.data)) == start - 1


def test_a_duplicate_can_be_shaped_after_the_original_is_gone(shaped, viewer, qtbot):
    section, layer = shaped
    copy = type(layer).create(*layer.as_layer_data_tuple())
    copy.data = copy.data.copy()
    viewer.add_layer(copy)
    viewer.layers.remove(layer)
    viewer.layers.selection.active = copy
    assert section.layer == copy
    slide(section, qtbot, 2)
    assert len(np.unique(copy.data)) == 2
    assert len(np.unique(layer.data)) != 2


def test_another_layer_s_data_are_not_touched(shaped, viewer, qtbot):
    section, layer = shaped
    layer.data = np.ones((5, 5), np.int32)
    qtbot.waitUntil(lambda: not section.slider.isEnabled())
    assert "another shape" in section.about.text()


def test_labels_of_another_shape_are_refused(shaped, qtbot):
    section, layer = shaped
    other = np.ones((30, 20), layer.data.dtype)
    layer.data = other
    with qtbot.waitSignal(section.runner.refused) as refused:
        section.slider.slider.setValue(2)
    assert "another shape" in refused.args[1]
    settle(section, qtbot)
    np.testing.assert_array_equal(layer.data, other)


def test_without_layers_the_section_goes(shaped, viewer, panel):
    section, _ = shaped
    viewer.layers.clear()
    assert section.layer is None
    assert not section.isVisibleTo(panel.native)


def test_slices_of_a_stack_can_be_shaped(viewer, panel, qtbot):
    stack = np.stack([five_levels()[0]] * 6)
    viewer.add_image(stack)
    take_current_slice(panel)
    set_values(panel, merging="classes", n_steps=12, warm_start_steps=9)
    run_to_the_end(panel, qtbot)
    (layer,) = labels_layers(viewer)
    slide(panel.class_count_section, qtbot, 2)
    assert layer.data.shape == (1, 48, 80)
    assert len(np.unique(layer.data)) == 2


@pytest.mark.parametrize("n_slices", [1, 6])
def test_a_result_of_stopped_training_can_be_shaped(viewer, panel, qtbot, n_slices):
    image = five_levels()[0]
    viewer.add_image(image if n_slices == 1 else np.stack([image] * n_slices))
    panel.axes.value = "Y X" if n_slices == 1 else "Z Y X"
    set_values(panel, merging="classes", n_steps=5000, patience=0)
    click(qtbot, panel.run_button)
    qtbot.waitUntil(lambda: bool(labels_layers(viewer)), timeout=60_000)
    click(qtbot, panel.stop_button)
    wait_for_end(panel, qtbot)
    (layer,) = labels_layers(viewer)
    assert "stopped by the user" in layer.metadata["napari_mmtseg"]["stop_reason"]
    assert (layer.data > 0).all()
    section = panel.class_count_section
    assert section.about.text() == f"Shape “{layer.name}”"
    assert section.slider.isVisibleTo(panel.native)
    assert panel.confidence_section.isVisibleTo(panel.native)
    slide(section, qtbot, 2)
    assert len(np.unique(layer.data)) == 2


def choose_merging(section, qtbot, index):
    section.merging.setCurrentIndex(index)
    section.merging.activated.emit(index)
    qtbot.waitUntil(lambda: not section._other.is_busy, timeout=20_000)
    settle(section, qtbot)


def test_classes_of_regions_and_back(shaped, qtbot):
    section, layer = shaped
    pixels = layer.data.copy()
    assert section.merging.currentText() == "classes"
    layer.brush_size = 5
    layer.paint((20, 20), 40)
    painted = layer.data == 40
    edited = layer.data.copy()
    choose_merging(section, qtbot, 1)
    regions = layer.data.copy()
    assert (regions == 40).sum() == painted.sum()
    assert (regions == edited).mean() > 0.5  # colours follow what was there
    assert section.merging.currentText() == "regions"
    slide(section, qtbot, 2)
    assert len(np.unique(layer.data[~painted])) == 2
    layer.undo()
    np.testing.assert_array_equal(layer.data, regions)
    layer.undo()
    np.testing.assert_array_equal(layer.data, edited)
    qtbot.waitUntil(lambda: section.merging.currentText() == "classes")
    layer.redo()
    np.testing.assert_array_equal(layer.data, regions)
    choose_merging(section, qtbot, 0)
    np.testing.assert_array_equal(layer.data[~painted], pixels[~painted])
    assert (layer.data[painted] == 40).all()


def choose_background(section, qtbot, index):
    section.background.setCurrentIndex(index)
    section.background.activated.emit(index)
    settle(section, qtbot)


def test_another_class_becomes_background_and_back(shaped, qtbot):
    section, layer = shaped
    slide(section, qtbot, 5)
    before = layer.data.copy()
    n = len(np.unique(before))
    assert section.background.count() == n + 1
    section._timer.start()
    settle(section, qtbot)
    choose_background(section, qtbot, 1)
    image = five_levels()[0]
    means = {value: image[before == value].mean() for value in np.unique(before)}
    darkest = min(means, key=means.get)
    np.testing.assert_array_equal(layer.data == 0, before == darkest)
    assert len(np.unique(layer.data)) == n
    assert section.background.currentIndex() == 1
    model = result_of(layer).shown_model(layer.data)
    np.testing.assert_array_equal(model.predict(image), layer.data)
    layer.undo()
    np.testing.assert_array_equal(layer.data, before)
    section._look_again()
    assert section.background.currentIndex() == 0
    slide(section, qtbot, 3)
    assert 0 not in layer.data  # the numbers are those before
    layer.undo()
    layer.redo()
    choose_background(section, qtbot, 2)
    choose_background(section, qtbot, 0)
    assert layer.data.min() > 0


def test_edits_stay_when_another_class_becomes_background(shaped, qtbot):
    section, layer = shaped
    slide(section, qtbot, 5)
    before = layer.data.copy()
    brightest = before[five_levels()[0] > 230].max()
    there = np.argwhere(before == brightest)[-1]
    layer.data_setitem((np.arange(10), np.full(10, 3)), brightest)
    choose_background(section, qtbot, 1)
    assert (layer.data == 0).any()
    assert (layer.data[:10, 3] == layer.data[tuple(there)]).all()

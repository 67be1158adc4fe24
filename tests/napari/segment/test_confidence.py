"""Confidence of a result, on real layers."""

import numpy as np
import pytest
from qtpy.QtGui import QKeySequence

from napari_mmtseg.labels.uncertainty import uncertain_regions
from napari_mmtseg.napari.edit.panel import EditWidget
from napari_mmtseg.napari.layers.result import Measured, result_of
from napari_mmtseg.napari.segment import uncertain_tour
from tests.napari.driving import (
    click,
    labels_layers,
    set_values,
    wait_for_end,
)


def blurred_patch():
    """Return a dark and a bright half with a patch in between the two."""
    image = np.where(np.arange(96) < 48, 60.0, 180.0)[np.newaxis].repeat(64, 0)
    image[20:44, 10:34] = 121
    noise = np.random.default_rng(0).normal(0, 6, image.shape)
    noise[20:44, 10:34] *= 3
    return (image + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture
def measured(viewer, panel, qtbot, shared_run):
    """A panel with a result of an image in micrometres."""
    viewer.add_image(
        blurred_patch(), name="patch", scale=(0.5, 0.5), units=("um", "um")
    )
    set_values(panel, n_labels=2, max_labels=16, n_steps=12, warm_start_steps=9)
    shared_run.result(panel, qtbot)
    return panel


def images(viewer):
    return [layer for layer in viewer.layers if "confidence" in layer.name]


def show(panel, qtbot):
    click(qtbot, panel.confidence_section.show_button)
    assert panel.is_running
    wait_for_end(panel, qtbot)


def test_confidence_is_an_image_below_the_result(measured, viewer, qtbot):
    show(measured, qtbot)
    (labels,) = labels_layers(viewer)
    (image,) = images(viewer)
    assert image.data.shape == labels.data.shape
    assert 0 <= image.data.min() < image.data.max() <= 1
    np.testing.assert_allclose(image.scale, labels.scale)
    assert image.units == labels.units
    assert image.data[20:44, 10:34].mean() < image.data[:, 60:90].mean() - 0.1
    assert "confidence" in measured.progress.text.text()
    assert viewer.layers.index(image) == viewer.layers.index(labels) - 1
    assert image.opacity <= 0.5
    show(measured, qtbot)
    assert len(images(viewer)) == 1  # the same layer anew


def test_what_the_panel_shows_is_never_taken_for_input(measured, viewer, qtbot):
    chosen = measured.choice.layer.value
    offered = len(measured.scribbles)
    show(measured, qtbot)
    click(qtbot, measured.confidence_section.worst_button)
    (confidence,) = images(viewer)
    outline = viewer.layers["least certain"]
    viewer.layers.selection.active = confidence
    assert measured.choice.layer.value is chosen
    assert confidence not in measured.choice.layer.choices
    viewer.layers.selection.active = outline
    assert len(measured.scribbles) == offered
    viewer.layers.remove(chosen)
    assert measured.choice.layer.value is None


def visit(panel, qtbot):
    click(qtbot, panel.confidence_section.worst_button)
    wait_for_end(panel, qtbot)
    return panel.confidence_section.tour


def test_the_region_in_view_is_outlined(measured, viewer, qtbot):
    active = viewer.layers.selection.active
    tour = visit(measured, qtbot)
    outline = viewer.layers["least certain"]
    assert viewer.layers.selection.active == active
    region = result_of(labels_layers(viewer)[0]).measured.regions[0]
    there = np.argwhere(outline.data)
    world = [outline.data_to_world(p) for p in (there.min(0), there.max(0))]
    corners = [[s.start for s in region.box], [s.stop - 1 for s in region.box]]
    np.testing.assert_allclose(world, 0.5 * np.array(corners))
    assert outline.data.sum() == region.size
    assert not outline.editable
    tour.buttons["next"].click()
    assert [la.name for la in viewer.layers].count("least certain") == 1


def three_regions(viewer, panel):
    """Give the panel a tour of three regions, the smallest of which comes last."""
    confidence = np.ones((64, 96), np.float32)
    for n, x in ((12, 5), (10, 40), (8, 70)):
        confidence[20 : 20 + n, x : x + n] = 0.2
    (labels,) = labels_layers(viewer)
    result = result_of(labels)
    display = result.class_count(labels.data).display(labels.data)
    regions = uncertain_regions(confidence)
    result.measured = Measured(confidence, regions, display, "")
    panel.confidence_section.go_to_worst()
    return panel.confidence_section.tour


def test_a_region_that_is_accepted_is_not_shown_again(measured, viewer, qtbot):
    tour = three_regions(viewer, measured)
    assert tour.about.text().startswith("Least certain, 1 of 3: 144 pixels of class ")
    click(qtbot, tour.buttons["accept"])
    assert tour.about.text().startswith("Least certain, 1 of 2: 100 pixels")
    click(qtbot, tour.buttons["previous"])
    assert tour.about.text().startswith("Least certain, 2 of 2: 64 pixels")
    click(qtbot, tour.buttons["accept"])
    click(qtbot, tour.buttons["accept"])
    assert tour.about.text() == "All uncertain regions are accepted."
    assert "least certain" not in viewer.layers


@pytest.mark.parametrize("event", ["removed", "edited", "other classes"])
def test_the_region_is_forgotten_with(event, measured, viewer, qtbot):
    tour = visit(measured, qtbot)
    (labels,) = [la for la in labels_layers(viewer) if la.name != "least certain"]
    assert tour.isVisibleTo(measured.native)
    if event == "removed":
        viewer.layers.remove(labels)
    elif event == "edited":
        place = result_of(labels).measured.regions[0].place
        labels.data_setitem(tuple(np.array([i]) for i in place), 9)
    else:
        measured.class_count_section.slider.slider.setValue(4)
    qtbot.waitUntil(lambda: not tour.isVisibleTo(measured.native))
    assert "least certain" not in viewer.layers


@pytest.mark.window
def test_keys_go_through_the_regions(measured, viewer, qtbot):
    window = measured.native.window()
    window.show()
    with qtbot.waitActive(window):
        window.activateWindow()
    tour = three_regions(viewer, measured)
    before = tour.about.text()
    for name, is_first in (("next", False), ("previous", True)):
        combination = QKeySequence(uncertain_tour.KEYS[name])[0]
        qtbot.keyClick(window, combination.key(), combination.keyboardModifiers())
        assert (tour.about.text() == before) == is_first


def test_the_least_certain_regions_are_visited_in_turn(
    measured, viewer, qtbot, monkeypatch
):
    monkeypatch.setattr(uncertain_tour, "_AROUND", 5)
    section = measured.confidence_section
    click(qtbot, section.worst_button)
    wait_for_end(measured, qtbot)
    assert not images(viewer)
    scene = getattr(viewer, "scene", viewer)
    y, x = (c / 0.5 for c in scene.camera.center[-2:])
    assert 15 <= y <= 48
    assert 5 <= x <= 40
    assert section.tour.about.text().startswith("Least certain, 1 of ")
    n = int(section.tour.about.text().split(" of ")[1].split(":")[0])
    for expected in [*range(2, n + 1), 1]:
        click(qtbot, section.worst_button)
        assert not measured.is_running
        assert f", {expected} of {n}" in section.tour.about.text()


def test_after_another_number_of_classes_it_is_measured_anew(measured, qtbot):
    section = measured.confidence_section
    click(qtbot, section.worst_button)
    wait_for_end(measured, qtbot)
    measured.class_count_section.slider.slider.setValue(4)
    qtbot.waitUntil(lambda: not measured.class_count_section.runner.is_busy)
    click(qtbot, section.worst_button)
    assert measured.is_running
    wait_for_end(measured, qtbot)
    result = result_of(measured.class_count_section.layer)
    assert result.measured.display.n_labels == 4
    assert section.tour.about.text()


def test_other_layers_have_no_confidence(viewer, panel):
    assert not panel.confidence_section.isVisibleTo(panel.native)
    viewer.add_labels(np.ones((8, 8), int))
    assert not panel.confidence_section.isVisibleTo(panel.native)


def test_cancel_leaves_nothing(measured, viewer, qtbot):
    click(qtbot, measured.confidence_section.show_button)
    measured.cancel()
    wait_for_end(measured, qtbot)
    assert not images(viewer)


def test_the_table_of_classes_shows_the_mean(measured, viewer, qtbot):
    editing = EditWidget(viewer)
    qtbot.addWidget(editing)
    editing.show()
    (labels,) = labels_layers(viewer)
    viewer.layers.selection.active = labels
    model = editing.table.classes
    qtbot.waitUntil(lambda: not editing.is_busy)
    assert editing.table.isColumnHidden(model.CONFIDENCE)
    show(measured, qtbot)
    viewer.layers.selection.active = labels
    qtbot.waitUntil(lambda: not editing.table.isColumnHidden(model.CONFIDENCE))
    qtbot.waitUntil(lambda: not editing.is_busy)
    assert not editing.table.isColumnHidden(model.CONFIDENCE)
    (image,) = images(viewer)
    for row, value in enumerate(model.table.values):
        mean = image.data[labels.data == value].mean()
        assert model.columns[model.CONFIDENCE].text(model.table, row) == f"{mean:.2f}"
    assert model.records()[0][-1] == "Sure"

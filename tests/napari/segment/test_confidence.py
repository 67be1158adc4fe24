"""Confidence of a result, on real layers."""

import numpy as np
import pytest

from napari_mmtseg.napari.edit.panel import EditWidget
from napari_mmtseg.napari.layers.result import result_of
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
    set_values(panel, n_labels=2, n_steps=12, warm_start_steps=9)
    shared_run.result(panel, qtbot)
    return panel


def images(viewer):
    return [layer for layer in viewer.layers if "confidence" in layer.name]


def show(panel, qtbot):
    click(qtbot, panel.confidence_section.show_button)
    assert panel.is_running
    wait_for_end(panel, qtbot)


def test_confidence_is_an_image_on_top_of_the_result(measured, viewer, qtbot):
    show(measured, qtbot)
    (labels,) = labels_layers(viewer)
    (image,) = images(viewer)
    assert image.data.shape == labels.data.shape
    assert 0 <= image.data.min() < image.data.max() <= 1
    np.testing.assert_allclose(image.scale, labels.scale)
    assert image.units == labels.units
    assert image.data[20:44, 10:34].mean() < image.data[:, 60:90].mean() - 0.1
    assert "confidence" in measured.progress.text.text()
    show(measured, qtbot)
    assert len(images(viewer)) == 1  # the same layer anew


def test_the_least_certain_regions_are_visited_in_turn(measured, viewer, qtbot):
    section = measured.confidence_section
    click(qtbot, section.worst_button)
    wait_for_end(measured, qtbot)
    assert not images(viewer)
    scene = getattr(viewer, "scene", viewer)
    y, x = (c / 0.5 for c in scene.camera.center[-2:])
    assert 15 <= y <= 48
    assert 5 <= x <= 40
    assert section.about.text().startswith("Least certain, 1 of ")
    n = int(section.about.text().split(" of ")[1].split(":")[0])
    for expected in [*range(2, n + 1), 1]:
        click(qtbot, section.worst_button)
        assert not measured.is_running
        assert f", {expected} of {n}" in section.about.text()


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
    assert section.about.text()


def test_other_layers_have_no_confidence(viewer, panel):
    assert not panel.confidence_section.isVisibleTo(panel)
    viewer.add_labels(np.ones((8, 8), int))
    assert not panel.confidence_section.isVisibleTo(panel)


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

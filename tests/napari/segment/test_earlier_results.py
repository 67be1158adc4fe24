"""Earlier results make way for the next one of the same pixels."""

import numpy as np
import pytest

from tests.napari.driving import (
    click,
    labels_layers,
    run_to_the_end,
    set_values,
    take_current_slice,
    two_levels,
    wait_for_threads,
)


@pytest.fixture
def image(viewer, panel):
    set_values(panel, n_labels=2)
    return viewer.add_image(two_levels()[0], name="levels")


def visible(viewer):
    return [layer.name for layer in labels_layers(viewer) if layer.visible]


def test_the_earlier_result_is_hidden_and_untouched(image, viewer, panel, qtbot):
    run_to_the_end(panel, qtbot)
    (first,) = labels_layers(viewer)
    first.paint((3, 3), 7)
    edited = first.data.copy()
    run_to_the_end(panel, qtbot)
    assert visible(viewer) == ["levels labels [1]"]
    np.testing.assert_array_equal(first.data, edited)


def test_cancel_shows_the_earlier_result_again(image, viewer, panel, qtbot):
    run_to_the_end(panel, qtbot)
    set_values(panel, n_steps=5000)
    click(qtbot, panel.run_button)
    qtbot.waitUntil(lambda: len(labels_layers(viewer)) == 2, timeout=30_000)
    assert visible(viewer) == ["levels labels [1]"]
    panel.cancel()
    wait_for_threads(qtbot)
    assert visible(viewer) == ["levels labels"]


def test_one_that_the_user_hid_stays_hidden(image, viewer, panel, qtbot):
    run_to_the_end(panel, qtbot)
    labels_layers(viewer)[0].visible = False
    set_values(panel, n_steps=5000)
    click(qtbot, panel.run_button)
    qtbot.waitUntil(lambda: len(labels_layers(viewer)) == 2, timeout=30_000)
    panel.cancel()
    wait_for_threads(qtbot)
    assert visible(viewer) == []


def test_the_confidence_of_an_earlier_result_goes_with_it(image, viewer, panel, qtbot):
    run_to_the_end(panel, qtbot)
    click(qtbot, panel.confidence_section.show_button)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=30_000)
    run_to_the_end(panel, qtbot)
    assert not viewer.layers["levels labels confidence"].visible
    assert image.visible


def test_labels_of_the_user_and_of_other_images_stay(image, viewer, panel, qtbot):
    viewer.add_labels(np.ones((48, 64), int), name="mine")
    run_to_the_end(panel, qtbot)
    other = viewer.add_image(two_levels()[0][::-1].copy(), name="other")
    panel.image.value = other
    run_to_the_end(panel, qtbot)
    assert visible(viewer) == ["mine", "levels labels", "other labels"]


def test_other_slices_stay(viewer, panel, qtbot):
    plane = two_levels()[0]
    viewer.add_image(np.stack([plane] * 6), name="stack")
    set_values(panel, n_labels=2)
    for i in range(2):
        viewer.dims.set_point(0, i)
        take_current_slice(panel)
        run_to_the_end(panel, qtbot)
    assert len(visible(viewer)) == 2
    run_to_the_end(panel, qtbot)  # the second slice once more
    assert visible(viewer) == ["stack labels", "stack labels [2]"]


def test_both_sides_of_an_area_stay(image, viewer, panel, qtbot):
    box = np.array([[10, 10], [10, 40], [40, 40], [40, 10]])
    viewer.add_shapes([box], name="field")
    panel.image.value = image
    for side in ("inside", "outside"):
        panel.area.value = f"{side} field"
        run_to_the_end(panel, qtbot)
    assert len(visible(viewer)) == 2
    panel.area.value = "whole image"
    run_to_the_end(panel, qtbot)
    assert visible(viewer) == ["levels labels [2]"]

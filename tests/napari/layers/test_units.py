"""Layers in different units, which the viewer shows in units that they share."""

import numpy as np
import pytest

from napari.layers import Image, Shapes
from napari_mmtseg.napari.edit.picking import pixel_under
from napari_mmtseg.napari.layers.crop import shape_crop
from napari_mmtseg.napari.layers.navigation import go_to, scene
from napari_mmtseg.napari.layers.pixel_measure import change_units, shown_part
from napari_mmtseg.napari.segment.stack_preview import ShownSlice
from tests.napari.driving import take_current_slice, two_levels

IMAGE = two_levels((96, 128))[0]
STACK = np.stack([IMAGE] * 50)


def in_units(unit, size, n=3):
    return {"units": (unit,) * n, "scale": (size,) * n}


def another_unit(viewer, unit="angstrom", size=100.0):
    """Add a layer with a smaller unit, which is then that of the viewer."""
    return viewer.add_image(STACK[:8], name="other", **in_units(unit, size))


def test_points_are_aligned_by_their_last_axes():
    units = Image(np.zeros((2, 3, 4)), units=("s", "um", "um")).units
    smaller = Image(np.zeros((3, 4)), units=("nm", "nm")).units
    assert change_units((1, 2, 3), units, smaller) == pytest.approx([1, 2000, 3000])
    assert change_units((2000, 3000), smaller, units) == pytest.approx([2, 3])
    assert change_units((1, 2, 3), None, units).tolist() == [1, 2, 3]
    pixels = Image(np.zeros((3, 4))).units
    assert change_units((2, 3), smaller, pixels).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("unit", "size", "smaller"),
    [("nm", 10, ("angstrom", 100)), ("um", 0.01, ("nm", 10))],
)
def test_the_slice_that_is_shown_is_segmented(viewer, panel, unit, size, smaller):
    stack = viewer.add_image(STACK, name="stack", **in_units(unit, size))
    another_unit(viewer, *smaller)
    viewer.layers.selection.active = stack
    take_current_slice(panel)
    for z in (3, 7):
        viewer.dims.set_point(0, z * smaller[1])
        assert panel.choice.source().slices == {"Z": z}, panel.reason.text()
        assert f"Z = {z} of 0 to 49" in panel.hint.text()


def test_a_unit_that_comes_during_a_run_is_followed(viewer, panel):
    viewer.add_image(STACK, name="stack", **in_units("nm", 10.0))
    panel.axes.value = "Z Y X"
    slices = ShownSlice(viewer, panel.choice.source(), "YX")
    viewer.dims.set_point(0, 70)
    assert slices() == (7,)
    other = another_unit(viewer)
    viewer.dims.set_point(0, 300)
    assert slices() == (3,)
    viewer.layers.remove(other)
    shown = viewer.dims.point[0] / 10
    assert slices() == (round(shown),)


def test_a_rectangle_in_another_unit(viewer, panel):
    image = viewer.add_image(IMAGE, **in_units("um", 0.5, 2))
    box = np.array([[20, 30], [20, 70], [52, 70], [52, 30]]) * 0.5
    shapes = viewer.add_shapes([box], **in_units("nm", 1000.0, 2))
    viewer.layers.selection.active = image
    panel.area.value = f"box around {shapes.name}"
    assert "Area 32 x 40 of 96 x 128" in panel.hint.text(), panel.reason.text()
    region = shape_crop(image, "Y X", shapes, viewer.dims.units)
    assert (region[0].start, region[1].start) == (20, 30)


def test_shapes_with_fewer_axes_in_another_unit():
    image = Image(STACK, **in_units("um", 0.5))
    box = np.array([[20, 30], [20, 70], [52, 70], [52, 30]]) * 0.5
    shapes = Shapes([box], **in_units("nm", 1000.0, 2))
    units = (shapes.units[0],) * 3
    region = shape_crop(image, "Z Y X", shapes, units)
    assert [(s.start, s.stop) for s in region] == [(20, 52), (30, 70)]


@pytest.mark.window
def test_the_viewport_in_another_unit(viewer, panel, qtbot):
    image = viewer.add_image(IMAGE, **in_units("um", 0.5, 2))
    viewer.add_points([[0, 0]], **in_units("nm", 1.0, 2))
    viewer.layers.selection.active = image
    panel.area.value = "view"
    if not hasattr(viewer, "canvas"):
        pytest.skip("napari before 0.9 gives no size of the canvas")
    height, width = viewer.canvas.size
    viewer.scene.camera.center = (48 * 500, 64 * 500)
    viewer.scene.camera.zoom = max(height, width) / (40 * 500)
    qtbot.waitUntil(lambda: "Area" in panel.hint.text(), timeout=5000)
    start, stop = panel.choice.source().crop["X"]
    assert abs((start + stop) / 2 - 64) <= 1
    assert stop - start <= 42


@pytest.fixture
def labels(viewer):
    numbers = np.arange(50, dtype=np.int32).reshape(50, 1, 1) * np.ones(
        (1, 20, 30), np.int32
    )
    layer = viewer.add_labels(numbers, **in_units("nm", 10.0))
    another_unit(viewer)
    return layer


def test_the_part_that_is_edited(viewer, labels):
    viewer.dims.set_point(0, 300)
    assert shown_part(labels, viewer.dims)[0] == slice(3, 4)


def test_the_pixel_that_is_clicked(viewer, labels):
    units = viewer.dims.units
    at = (300, 500, 700)
    assert pixel_under(labels, at, None, [1, 2], units) == (3, 5, 7)
    slanted = np.array([1.0, 0, 0])
    found = pixel_under(labels, (-900, 500, 700), slanted, [0, 1, 2], units)
    assert found == (1, 5, 7)  # slice 0 is background


@pytest.mark.window
def test_going_to_a_region(viewer, labels):
    go_to(viewer, labels, [4, 5, 6])
    assert viewer.dims.point[0] == 400
    assert scene(viewer).camera.center[-2:] == (500, 600)
    assert shown_part(labels, viewer.dims)[0] == slice(4, 5)

"""A part of an image: the viewport, or the box around a shape."""

import numpy as np
import pytest

from napari.layers import Image, Shapes
from napari_mmtseg import InputError
from napari_mmtseg.napari.layers.crop import shape_crop
from tests.napari.driving import labels_layers, run_to_the_end, two_levels

IMAGE = two_levels((96, 128))[0]
BOX = [[20, 30], [20, 70], [52, 70], [52, 30]]


def sides(region):
    return [(part.start, part.stop) for part in region]


def test_a_rectangle_is_a_region():
    shapes = Shapes([np.array(BOX, float)], shape_type="rectangle")
    assert sides(shape_crop(Image(IMAGE), "Y X", shapes)) == [(20, 52), (30, 70)]


def test_the_selected_shape_is_taken_or_the_first():
    boxes = [np.array(BOX, float), np.array(BOX, float) + 10]
    shapes = Shapes(boxes, shape_type="rectangle")
    image = Image(IMAGE)
    assert sides(shape_crop(image, "Y X", shapes)) == [(20, 52), (30, 70)]
    shapes.selected_data = {1}
    assert sides(shape_crop(image, "Y X", shapes)) == [(30, 62), (40, 80)]


def test_scaled_and_moved_layers_meet_in_the_world():
    image = Image(IMAGE, scale=(0.5, 2), translate=(100, -50))
    world = image.data_to_world
    corners = np.array([world(v) for v in BOX])
    shapes = Shapes(
        [(corners - (7, 3)) / (4, 0.25)],
        shape_type="rectangle",
        scale=(4, 0.25),
        translate=(7, 3),
    )
    assert sides(shape_crop(image, "Y X", shapes)) == [(20, 52), (30, 70)]


def test_of_a_rotated_shape_the_box_around_it_is_taken():
    diamond = np.array([[10, 40], [40, 70], [70, 40], [40, 10]], float)
    shapes = Shapes([diamond], shape_type="polygon")
    assert sides(shape_crop(Image(IMAGE), "Y X", shapes)) == [(10, 70), (10, 70)]
    turned = Shapes([np.array(BOX, float)], shape_type="rectangle", rotate=90)
    image = Image(IMAGE, rotate=90)
    assert sides(shape_crop(image, "Y X", turned)) == [(20, 52), (30, 70)]


@pytest.mark.parametrize("ndim", [2, 3, 4])
def test_shapes_with_more_or_fewer_axes(ndim):
    image = Image(np.zeros((5, 96, 128)), contrast_limits=(0, 1), scale=(2, 1, 1))
    box = np.zeros((4, ndim))
    box[:, -2:] = BOX
    shapes = Shapes([box], shape_type="rectangle")
    assert sides(shape_crop(image, "Z Y X", shapes)) == [(20, 52), (30, 70)]


def test_a_shape_that_sticks_out_is_cut():
    shapes = Shapes([np.array(BOX, float) - 25], shape_type="rectangle")
    assert sides(shape_crop(Image(IMAGE), "Y X", shapes)) == [(0, 27), (5, 45)]


def test_a_pixel_belongs_to_it_if_its_centre_does():
    box = np.array([[9.6, 9.4], [9.6, 30.6], [20.4, 30.6], [20.4, 9.4]])
    shapes = Shapes([box], shape_type="rectangle")
    assert sides(shape_crop(Image(IMAGE), "Y X", shapes)) == [(10, 21), (10, 31)]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (Shapes(ndim=2), "There is no shape"),
        (Shapes([np.array(BOX, float) + 500]), "encloses 0 x 0 pixels"),
        (Shapes([np.array(BOX, float) / 10]), "at least 8 x 8"),
    ],
)
def test_a_region_that_cannot_be_segmented_says_so(shapes, message):
    with pytest.raises(InputError, match=message):
        shape_crop(Image(IMAGE), "Y X", shapes)


@pytest.fixture
def image_layer(viewer, panel):
    return viewer.add_image(
        IMAGE, name="image", scale=(0.5, 2), translate=(10, 20), units=("um", "um")
    )


def assert_lies_in(labels, image, start):
    for pixel in ((0, 0), np.array(labels.data.shape) - 1):
        there = np.add(pixel, start)
        np.testing.assert_allclose(
            labels.data_to_world(pixel), image.data_to_world(there)
        )


def test_the_rectangle_of_a_layer(viewer, panel, qtbot, image_layer):
    corners = np.array([image_layer.data_to_world(v) for v in BOX])
    shapes = viewer.add_shapes([corners], shape_type="rectangle", name="box")
    panel.area.value = f"box around {shapes.name}"
    assert "Area 32 x 40 of 96 x 128" in panel.hint.text()
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == (32, 40)
    assert_lies_in(labels, image_layer, (20, 30))
    assert [str(unit) for unit in labels.units] == ["micrometer"] * 2
    region = labels.metadata["napari_mmtseg"]["area"]
    assert region == {"Y": [20, 52], "X": [30, 70]}


def test_a_shape_that_is_moved_moves_the_region(viewer, panel, qtbot):
    viewer.add_image(IMAGE)
    shapes = viewer.add_shapes([np.array(BOX, float)], shape_type="rectangle")
    panel.area.value = f"box around {shapes.name}"
    shapes.data = [np.array(BOX, float) * 1.5]
    qtbot.waitUntil(lambda: "Area 48 x 60" in panel.hint.text(), timeout=5000)
    shapes.add([np.array(BOX, float)], shape_type="rectangle")
    shapes.selected_data = {1}
    qtbot.waitUntil(lambda: "Area 32 x 40" in panel.hint.text(), timeout=5000)
    viewer.layers.remove("Shapes")
    assert panel.area.value == "whole image"
    assert not panel.hint.isVisibleTo(panel.native)


@pytest.mark.window
def test_the_viewport(viewer, panel, qtbot, image_layer):
    panel.area.value = "view"
    if not hasattr(viewer, "canvas"):
        pytest.skip("napari before 0.9 gives no size of the canvas")
    height, width = viewer.canvas.size
    # So near that the canvas shows 40 pixels in height, or 16 in width.
    viewer.scene.camera.center = image_layer.data_to_world((49.5, 59.5))
    viewer.scene.camera.zoom = min(height / (40 * 0.5), width / (16 * 2))
    qtbot.waitUntil(lambda: "Area" in panel.hint.text(), timeout=5000)
    source = panel.choice.source()
    zoom = viewer.scene.camera.zoom
    seen = {"Y": height / zoom / 0.5, "X": width / zoom / 2}
    middle = {"Y": 50, "X": 60}
    for name, (start, stop) in source.crop.items():
        assert abs(stop - start - seen[name]) <= 1
        assert abs((start + stop) / 2 - middle[name]) <= 1
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    start = [source.crop[name][0] for name in "YX"]
    assert_lies_in(labels, image_layer, start)


@pytest.mark.window
def test_a_viewport_around_the_image_is_all_of_it(viewer, panel, qtbot, image_layer):
    panel.area.value = "view"
    viewer.reset_view()
    qtbot.wait(300)
    assert panel.choice.source().crop == {}


def test_in_3d_there_is_no_viewport(viewer, panel):
    viewer.add_image(np.stack([IMAGE] * 5))
    panel.area.value = "view"
    assert panel.run_button.isEnabled()
    viewer.dims.ndisplay = 3
    panel.choice.area.changed.emit()
    assert not panel.run_button.isEnabled()
    assert "in 2D" in panel.reason.text()


def test_a_region_of_a_stack_with_channels(viewer, panel, qtbot):
    stack = np.stack([np.stack([IMAGE, IMAGE[::-1]])] * 5)
    image = viewer.add_image(
        stack, name="stack", axis_labels=("z", "c", "y", "x"), scale=(3, 1, 0.5, 0.5)
    )
    box = np.array([image.data_to_world((0, 0, *v)) for v in BOX])[:, -2:]
    shapes = viewer.add_shapes([box], shape_type="rectangle")
    panel.area.value = f"box around {shapes.name}"
    assert "5 slices (Z), area 32 x 40 of 96 x 128" in panel.hint.text()
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == (5, 1, 32, 40)
    for z in (0, 4):
        here = labels.data_to_world((z, 0, 3, 5))
        there = image.data_to_world((z, 0.5, 23, 35))
        np.testing.assert_allclose(here, there)


def test_strokes_on_the_whole_image_teach_a_region(viewer, panel, qtbot):
    viewer.add_image(IMAGE, name="image")
    paint = np.zeros(IMAGE.shape, np.uint8)
    paint[22:24, 40:60] = 4
    paint[45:50, 35:60] = 9
    viewer.add_labels(paint, name="paint")
    shapes = viewer.add_shapes([np.array(BOX, float)], shape_type="rectangle")
    panel.area.value = f"box around {shapes.name}"
    panel.scribble_choice.choose(viewer.layers["paint"])
    run_to_the_end(panel, qtbot)
    labels = viewer.layers["image labels"].data
    assert labels.shape == (32, 40)
    assert set(np.unique(labels)) == {4, 9}
    assert (labels[2:4, 10:30] == 4).all()

"""The area: inside or outside of shapes, or of painted labels."""

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

import napari
from napari.layers import Image, Shapes
from napari_mmtseg import InputError
from napari_mmtseg.napari.layers.area import area_of_shapes
from tests.napari.driving import labels_layers, run_to_the_end, two_levels

IMAGE = two_levels((96, 128))[0]
TRIANGLE = np.array([[10, 20], [10, 100], [80, 20]], float)
BOX = np.array([[60, 90], [60, 120], [90, 120], [90, 90]], float)


def labels_of(viewer, panel, qtbot):
    panel.background.value = "none"
    run_to_the_end(panel, qtbot)
    return labels_layers(viewer)[-1]


def test_several_shapes_and_the_box_around_them():
    shapes = Shapes([TRIANGLE, BOX], shape_type=["polygon", "rectangle"])
    area = area_of_shapes(Image(IMAGE), "Y X", shapes, is_outside=False)
    assert area.crop == (slice(10, 90), slice(20, 120))
    mask = area.mask((80, 100))
    assert mask[5, 5]  # in the triangle
    assert mask[60, 80]  # in the box
    assert not mask[60, 40]
    shapes.selected_data = {1}
    area = area_of_shapes(Image(IMAGE), "Y X", shapes, is_outside=True)
    assert area.crop is None
    mask = area.mask(IMAGE.shape)
    assert not mask[75, 100]
    assert mask[20, 30]


def test_an_ellipse_is_round():
    corners = np.array([[10, 20], [10, 80], [50, 80], [50, 20]], float)
    shapes = Shapes([corners], shape_type="ellipse")
    area = area_of_shapes(Image(IMAGE), "Y X", shapes, is_outside=False)
    mask = area.mask([part.stop - part.start for part in area.crop])
    assert abs(mask.sum() - np.pi * 20 * 30) < 30
    assert not mask[1, 1]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (Shapes(ndim=2), "no shape"),
        (Shapes([BOX[:2]], shape_type="line"), "no shape"),
        (Shapes([TRIANGLE + 500], shape_type="polygon"), "encloses 0 x 0 pixels"),
    ],
)
def test_shapes_that_enclose_nothing_say_so(shapes, message):
    with pytest.raises(InputError, match=message):
        area_of_shapes(Image(IMAGE), "Y X", shapes, is_outside=False)


def test_inside_and_outside_of_a_polygon(viewer, panel, qtbot):
    viewer.add_image(IMAGE, name="image")
    viewer.add_shapes([TRIANGLE], shape_type="polygon", name="drawn")
    panel.area.value = "inside drawn"
    assert "Area 70 x 80 of 96 x 128 inside “drawn”" in panel.hint.text()
    inside = labels_of(viewer, panel, qtbot)
    assert inside.data.shape == (70, 80)
    assert inside.data[5, 5]
    assert not inside.data[60, 70]
    assert inside.metadata["napari_mmtseg"]["area_mask"]["layer"] == "drawn"
    panel.area.value = "outside drawn"
    outside = labels_of(viewer, panel, qtbot)
    assert outside.data.shape == IMAGE.shape
    assert not outside.data[15, 25]
    assert outside.data[90, 100]


def test_a_label_of_a_labels_layer_on_every_slice(viewer, panel, qtbot):
    viewer.add_image(np.stack([IMAGE] * 3), name="image")
    mask = np.zeros(IMAGE.shape, np.uint8)
    mask[10:50, 20:90], mask[60:90, :] = 2, 7
    viewer.add_labels(mask, name="mask")
    panel.image.value = viewer.layers["image"]
    panel.axes.value = "Z Y X"
    panel.area.value = "inside mask"
    assert panel.area_label.native.text() == "any label"
    panel.area_label.value = 2
    labels = labels_of(viewer, panel, qtbot)
    assert labels.data.shape == (3, 40, 70)
    assert labels.data.all()
    panel.area_label.value = 9
    assert "No pixel of the image has label 9" in panel.reason.text()
    panel.area_label.value = 0
    assert not panel.reason.text()


def test_a_mask_of_another_shape_is_refused(viewer, panel):
    viewer.add_image(IMAGE, name="image")
    viewer.add_labels(np.ones((20, 20), np.uint8), name="mask")
    panel.image.value = viewer.layers["image"]
    panel.area.value = "inside mask"
    assert "does not lie on “image”" in panel.reason.text()
    assert not panel.run_button.isEnabled()


@pytest.mark.parametrize("choice", ["inside drawn", "outside drawn", "outside mask"])
def test_copied_code_gives_the_same_labels(viewer, panel, qtbot, monkeypatch, choice):
    viewer.add_image(IMAGE, name="image")
    viewer.add_shapes([TRIANGLE, BOX], shape_type=["polygon", "ellipse"], name="drawn")
    viewer.add_labels((np.indices(IMAGE.shape)[1] < 50).astype(np.uint8), name="mask")
    panel.image.value = viewer.layers["image"]
    panel.n_labels.value = 2
    panel.area.value = choice
    labels = labels_of(viewer, panel, qtbot)
    panel.settings_actions.copy_as_python()
    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    names = {}
    exec(QApplication.clipboard().text(), names)
    np.testing.assert_array_equal(names["labels"], labels.data)


def test_the_class_count_keeps_to_the_area(viewer, panel, qtbot):
    viewer.add_image(IMAGE, name="image")
    viewer.add_shapes([TRIANGLE], shape_type="polygon", name="drawn")
    panel.area.value = "inside drawn"
    panel.n_labels.value = 3
    labels = labels_of(viewer, panel, qtbot)
    before = labels.data == 0
    panel.class_count_section.slider.slider.setValue(2)
    qtbot.waitUntil(lambda: len(np.unique(labels.data)) == 3, timeout=5000)
    np.testing.assert_array_equal(labels.data == 0, before)

"""Objects as a display of a result, and as the output of a run."""

import numpy as np

from napari_mmtseg.napari.layers.objects import object_classes
from tests.napari.driving import labels_layers, run_to_the_end, set_values, settle
from tests.objects.discs import crowd

MASK = crowd(3, 4)
IMAGE = MASK * 100 + np.random.default_rng(0).normal(20, 2, MASK.shape)
PLACE = {"scale": (0.5, 0.5), "units": ("um", "um")}


def segmented(viewer, panel, qtbot, **values):
    viewer.add_image(IMAGE.astype(np.float32), name="cells", **PLACE)
    set_values(panel, preset="fast", n_labels=2, **values)
    run_to_the_end(panel, qtbot)
    (layer,) = labels_layers(viewer)
    return layer


def show(panel, qtbot, output):
    box = panel.class_count_section.output
    box.setCurrentText(output)
    box.activated.emit(box.currentIndex())
    settle(panel.class_count_section, qtbot)


def test_objects_beside_classes_and_regions(viewer, panel, qtbot):
    layer = segmented(viewer, panel, qtbot)
    section = panel.class_count_section
    classes = layer.data.copy()
    assert section.objects.isHidden()
    show(panel, qtbot, "objects")
    assert layer.data.max() == 12
    assert object_classes(layer).tolist() == [0] + [1] * 12
    assert not section.objects.isHidden()
    assert section.objects.found.text().startswith("12 objects")
    assert section.objects.size_box.suffix() == " µm"
    show(panel, qtbot, "classes")
    np.testing.assert_array_equal(layer.data, classes)
    layer.undo()
    assert layer.data.max() == 12


def test_another_size(viewer, panel, qtbot):
    layer = segmented(viewer, panel, qtbot)
    section = panel.class_count_section
    show(panel, qtbot, "objects")
    section.objects.size_box.setValue(40)
    settle(section, qtbot)
    assert 0 < layer.data.max() < 12
    section.objects.size_box.setValue(0)
    settle(section, qtbot)
    assert layer.data.max() == 12


def test_a_run_with_output_objects(viewer, panel, qtbot):
    layer = segmented(viewer, panel, qtbot, output="objects")
    assert layer.data.max() == 12
    assert object_classes(layer).tolist() == [0] + [1] * 12
    section = panel.class_count_section
    assert section.output.currentText() == "objects"
    show(panel, qtbot, "classes")
    assert set(np.unique(layer.data)) == {0, 1}

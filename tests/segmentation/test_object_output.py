"""Objects as the output of segmentations and models."""

import numpy as np
import pytest

import napari_mmtseg as mm
from napari_mmtseg.progress import drain
from tests.objects.discs import crowd

QUICK = {
    "preset": "fast",
    "n_labels": 2,
    "device": "cpu",
    "precision": "float32",
}
IMAGE = crowd(3, 4) * 100 + np.random.default_rng(0).normal(20, 2, (72, 80))


def objects_of(image, **options):
    return drain(mm.iter_segment(image, output="objects", **QUICK, **options))


def test_one_image_and_its_model():
    result = objects_of(IMAGE)
    assert result.objects.n_objects == result.n_labels == result.labels.max() == 12
    assert result.objects.classes.tolist() == [0] + [2] * 12
    assert set(np.unique(result.class_labels)) == {1, 2}
    assert result.settings.output == "objects"
    np.testing.assert_array_equal(result.model.labels(IMAGE), result.labels)
    classes = result.model.labels(IMAGE, output="classes")
    np.testing.assert_array_equal(classes, result.class_labels)
    found = drain(result.model.iter_objects(IMAGE))
    np.testing.assert_array_equal(found.classes, result.objects.classes)


def test_objects_keep_their_number_over_time():
    stack = np.stack([IMAGE, np.roll(IMAGE, 1, 1)])
    labels = objects_of(stack, axes="TYX").labels
    assert labels[0, 12, 16] == labels[1, 12, 17] > 0


def test_slices_and_volumes():
    stack = np.stack([IMAGE] * 8)
    slices = objects_of(stack, axes="ZYX")
    assert slices.n_labels == 8 * 12
    volume = objects_of(stack, axes="ZYX", stack="volume", object_size=16)
    assert volume.n_labels < 24
    assert len(set(volume.labels[:, 12, 16])) == 1


def test_out_and_other_methods():
    out = np.zeros(IMAGE.shape, np.uint16)
    result = objects_of(IMAGE, out=out)
    assert result.labels is out
    assert out.max() == 12
    assert objects_of(IMAGE, method="multi_otsu").labels.max() == 12


def test_nothing_to_find_is_said_and_all_0():
    with pytest.warns(UserWarning, match="There are no objects"):
        labels = mm.segment(
            np.full((32, 32), 7.0), output="objects", **{**QUICK, "n_labels": 1}
        )
    assert not labels.any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"object_unit": "micrometres"}, "pixel size"),
        ({"out": np.zeros((3, 3), int)}, "out has the shape"),
    ],
)
def test_refused_before_training(options, words):
    with pytest.raises(mm.InputError, match=words):
        mm.iter_segment(IMAGE, output="objects", **QUICK, **options)

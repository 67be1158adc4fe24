import numpy as np

from napari_mmtseg.engine.model.painted_classes import (
    PaintedClasses,
    channels_of_classes,
)
from napari_mmtseg.segmentation.scribble_guess import corrected, other_classes


def grey(values, noise=0.05):
    image = np.repeat(np.asarray(values, np.float32), 20)[np.newaxis, np.newaxis]
    image = np.tile(image, (1, 20, 1))
    return image + np.random.default_rng(0).normal(0, noise, image.shape).astype("f4")


def test_other_classes_are_never_two_painted_ones_merged():
    image = grey([0, 0.1, 1, 2])
    clusters = np.tile(np.repeat(np.arange(4), 20), (20, 1))
    painted = np.zeros(clusters.shape, np.int32)
    painted[5, 2:8], painted[5, 22:28] = 1, 2
    (others,) = other_classes([clusters], [image], [painted], 2, 2, 0.05)
    np.testing.assert_array_equal(others[0, 10::20], [0, 0, 1, 2])
    (others,) = other_classes([clusters], [image], [painted], 2, 1, 0.05)
    assert others[0, 70] == 1
    assert not others[:, :40].any()


def test_pixels_like_those_that_were_mended_follow_and_no_others():
    image = grey([0, 1, 2, 3])
    labels = np.tile(np.repeat([1, 1, 1, 2], 20), (20, 1)).astype(np.int32)
    painted = np.zeros(labels.shape, np.int32)
    painted[3:6, 45:50] = 3
    new = corrected(labels, painted, image)
    np.testing.assert_array_equal(new[10, 10::20], [1, 1, 3, 2])
    assert (new[:, :20] == 1).all()
    assert (new[:, 60:] == 2).all()
    np.testing.assert_array_equal(corrected(labels, 0 * painted, image), labels)


def test_a_class_that_is_painted_over_as_a_whole():
    labels = np.ones((4, 6), np.int32)
    labels[:, 3:] = 2
    painted = np.where(labels == 2, 1, 0).astype(np.int32)
    features = np.stack([labels, labels**2]).astype(np.float32)
    assert (corrected(labels, painted, features) == 1).all()


def test_every_class_gets_a_channel_of_its_own():
    clusters = np.array([[0, 0, 0, 1, 1, 5]])
    classes = np.array([[0, 0, 0, 0, 1, 2]])
    groups = channels_of_classes([clusters], [classes], 6, 4)
    assert groups.any(1).all()
    assert (groups.sum(0) <= 1).all()
    assert groups[0, 0]
    assert groups[1, 1]
    assert groups[2, 5]


def test_classes_merge_by_their_means_and_keep_their_values():
    given = PaintedClasses(
        np.array([4, 7, 9], np.int32),
        np.eye(3, 5, dtype=bool),
        np.array([10.0, 20.0, 30.0]),
        np.array([[1.0], [0.0], [0.9]]),
        "averaged",
    )
    np.testing.assert_array_equal(given.table, [[0, 0, 0], [1, 0, 1], [2, 0, 1]])
    np.testing.assert_array_equal(given.label_values(), [7, 9, 4])
    restored = PaintedClasses.from_state(given.state())
    assert restored.name == "averaged"
    np.testing.assert_array_equal(restored.channels, given.channels)

import numpy as np

from napari_mmtseg.labels.matching import LabelMatcher


def slice_with(discs, shape=(40, 60)):
    """Return labels and an image: (row, column, radius, label, brightness) each."""
    rows, columns = np.indices(shape)
    labels, image = np.ones(shape, np.int32), np.zeros(shape, np.float32)
    for row, column, radius, label, brightness in discs:
        inside = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
        labels[inside], image[inside] = label, brightness
    return labels, image[np.newaxis]


def test_numbers_stay_with_classes_whatever_the_slice_calls_them():
    matcher = LabelMatcher()
    first = matcher.match(*slice_with([(20, 15, 8, 2, 5.0), (20, 45, 8, 3, 9.0)]))
    second = matcher.match(*slice_with([(21, 16, 8, 3, 5.2), (21, 46, 8, 2, 8.8)]))
    assert first[20, 15] == second[21, 16] == 2
    assert first[20, 45] == second[21, 46] == 3
    assert first[0, 0] == second[0, 0] == 1
    assert matcher.n_labels == 3


def test_what_is_new_gets_a_new_number():
    matcher = LabelMatcher()
    matcher.match(*slice_with([(20, 15, 8, 2, 5.0)]))
    labels = matcher.match(*slice_with([(20, 15, 8, 2, 5.0), (10, 50, 5, 3, -9.0)]))
    assert labels[10, 50] == 3
    assert labels[20, 15] == 2


def test_a_class_is_known_again_after_a_gap():
    matcher = LabelMatcher()
    both = [(20, 15, 8, 2, 5.0), (20, 45, 8, 3, 9.0)]
    matcher.match(*slice_with(both))
    for _ in range(5):
        matcher.match(*slice_with([(20, 15, 8, 2, 5.0)]))
    labels = matcher.match(*slice_with([(20, 45, 8, 2, 9.0)]))
    assert labels[20, 45] == 3
    again = matcher.match(*slice_with(both))
    assert again[20, 15] == 2
    assert again[20, 45] == 3
    assert matcher.n_labels == 3


def test_classes_are_never_joined():
    rng = np.random.default_rng(0)
    matcher = LabelMatcher()
    for _ in range(5):
        labels = rng.integers(1, 6, (20, 20)).astype(np.int32)
        matched = matcher.match(labels, rng.random((1, 20, 20)))
        pairs = np.unique(np.stack([labels.ravel(), matched.ravel()]), axis=1)
        assert pairs.shape[1] == 5
        assert len(np.unique(pairs[1])) == 5

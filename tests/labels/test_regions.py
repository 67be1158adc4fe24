import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_mmtseg.labels.regions import (
    absorb_small_regions,
    connected_regions,
    pixels_by_label,
)


def test_regions_by_hand():
    labels = np.array([[1, 1, 2], [2, 1, 2], [2, 2, 1]], np.int32)
    expected = [[1, 1, 2], [3, 1, 2], [3, 3, 4]]
    assert connected_regions(labels).tolist() == expected


def test_small_regions_join_what_is_around_them():
    labels = np.ones((9, 9), np.int32)
    labels[:, 6:] = 3
    labels[4, 2] = 2
    cleaned = absorb_small_regions(labels, 2)
    assert cleaned[4, 2] == 1
    labels[4, 2] = 1
    np.testing.assert_array_equal(cleaned, labels)


def test_nothing_is_absorbed_where_all_is_small():
    labels = np.array([[1, 2], [2, 1]], np.int32)
    np.testing.assert_array_equal(absorb_small_regions(labels, 10), labels)


@given(arrays(np.int32, (7, 8), elements=st.integers(1, 3)), st.integers(0, 12))
def test_no_small_region_is_left(labels, min_size):
    cleaned = absorb_small_regions(labels, min_size)
    assert set(np.unique(cleaned)) <= set(np.unique(labels))
    # Every region that was large enough is still there as it was.
    regions = connected_regions(labels)
    sizes = np.bincount(regions.ravel())
    kept = sizes[regions] >= min_size
    np.testing.assert_array_equal(cleaned[kept], labels[kept])
    if kept.any():
        new = connected_regions(cleaned)
        assert np.bincount(new.ravel())[1:].min() >= min_size


@given(arrays(np.int32, (6, 7), elements=st.integers(1, 3)))
def test_regions_are_consecutive_and_never_mix_classes(labels):
    regions = connected_regions(labels)
    assert set(np.unique(regions)) == set(range(1, regions.max() + 1))
    for region in range(1, regions.max() + 1):
        assert len(set(labels[regions == region])) == 1


def test_regions_of_every_frame_are_numbered_on():
    labels = np.array([[[1, 1, 2], [2, 1, 2]], [[2, 2, 0], [2, 2, 1]]], np.int32)
    expected = [[[1, 1, 2], [3, 1, 2]], [[4, 4, 0], [4, 4, 5]]]
    assert connected_regions(labels, 2).tolist() == expected
    assert connected_regions(labels).max() == 4  # a 2 goes on in the next frame


@pytest.mark.parametrize("highest", [3, 2**31 - 1, 2**40])
def test_pixels_of_labels_however_high(highest):
    labels = np.zeros((2, 3, 4), np.int64)
    labels[:, 0], labels[1, 1, :2] = 2, highest
    found = pixels_by_label(labels)
    assert found == {0: 14, 2: 8, highest: 2}
    assert list(found) == sorted(found)
    assert all(type(label) is int for label in found)

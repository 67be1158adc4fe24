"""What the table says of classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_mmtseg.labels.editing.table import count_pixels, count_regions, largest


@given(
    arrays(
        st.sampled_from([np.uint8, np.int32, np.int64]),
        st.sampled_from([(0,), (1,), (30,), (5, 6), (2, 3, 4)]),
        elements=st.integers(0, 100),
    ),
    st.sampled_from([1, 2**23]),
)
def test_pixels_are_counted_as_numpy_counts_them(labels, factor):
    labels = labels if labels.dtype == np.uint8 else labels * factor
    table = count_pixels(labels)
    values, counts = np.unique(labels, return_counts=True)
    np.testing.assert_array_equal(table.values, values)
    np.testing.assert_array_equal(table.n_pixels, counts)
    assert table.values.dtype == labels.dtype


def test_negative_labels_count():
    table = count_pixels(np.array([-5, 3, 3, -5, -5]))
    assert table.values.tolist() == [-5, 3]
    assert table.n_pixels.tolist() == [3, 2]


@pytest.mark.parametrize(("n_axes", "expected"), [(3, [0, 2, 1]), (2, [0, 4, 2])])
def test_regions_per_class(n_axes, expected):
    labels = np.zeros((2, 3, 5), np.uint16)
    labels[:, 0, 0] = labels[:, 2, 2:] = 7
    labels[:, 1] = 900
    values = count_pixels(labels).values
    assert count_regions(labels, values, n_axes).tolist() == expected


def test_the_largest_region_is_found_where_it_is_thickest():
    labels = np.zeros((4, 10, 12), np.int32)
    labels[0, 0, 0] = 3
    labels[1, 4:6, 4:6] = 3
    labels[2, 4:9, 2:9] = 3
    found = largest(labels, 3)
    assert found.center == (2, 6, 5)
    assert (found.start, found.stop) == ((1, 4, 2), (3, 9, 9))
    assert largest(labels, 5) is None
    assert largest(labels[2], 3).center == (6, 5)
    assert largest(labels[2, 6], 3).center == (5,)
    assert largest(labels[None], 3).center == (0, 2, 6, 5)

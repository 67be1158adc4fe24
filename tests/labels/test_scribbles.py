import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import napari_mmtseg as mm
from napari_mmtseg.labels.scribbles import (
    free_values,
    painted_places,
    read_scribbles,
    shrink_painted,
)

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


@given(st.data())
@settings(max_examples=60)
def test_no_painted_class_is_lost_when_shrunk(data):
    shape = data.draw(SHAPES)
    painted = data.draw(arrays(np.int32, shape, elements=st.integers(0, 4)))
    smaller = tuple(data.draw(st.integers(1, n)) for n in shape)
    places, values, counts = painted_places(painted, smaller)
    assert set(values) == set(painted[painted > 0])
    assert counts.sum() == (painted > 0).sum()
    small = shrink_painted(painted, smaller)
    assert set(np.flatnonzero(small)) == set(places)


def test_a_pixel_takes_what_is_painted_most_within_it():
    painted = np.array([[0, 7, 7, 0], [3, 3, 0, 0]])
    np.testing.assert_array_equal(shrink_painted(painted, (1, 2)), [[3, 7]])
    painted = np.array([[7, 7], [3, 0]])
    np.testing.assert_array_equal(shrink_painted(painted, (1, 1)), [[7]])


def test_free_values_are_the_smallest():
    taken = np.array([2, 3, 9], np.int32)
    np.testing.assert_array_equal(free_values(taken, 3), [1, 4, 5])
    assert free_values(taken, 0).size == 0


@pytest.mark.parametrize(
    ("scribbles", "said"),
    [
        (np.zeros((4, 5), float), "type float64"),
        (np.zeros((5, 4), int), r"shape \(5, 4\)"),
        (np.full((4, 5), -1), "from -1 to -1"),
        (np.full((4, 5), 2**31), "from 2147483648"),
    ],
)
def test_what_is_no_scribbles_is_refused(scribbles, said):
    with pytest.raises(mm.InputError, match=said):
        read_scribbles(scribbles, (4, 5))

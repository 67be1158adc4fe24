"""The difference between two label images, packed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_mmtseg.labels.editing.undo import LabelEdit

SHAPES = st.sampled_from([(7,), (5, 6), (3, 4, 5)])
VALUES = st.one_of(st.integers(0, 5), st.integers(0, 2**31 - 1))


@st.composite
def changes(draw):
    shape = draw(SHAPES)
    dtype = draw(st.sampled_from([np.uint8, np.int32, np.uint16, np.int64]))
    values = VALUES.map(lambda v: v % (np.iinfo(dtype).max + 1))
    old, new = (draw(arrays(dtype, shape, elements=values)) for _ in range(2))
    same = draw(arrays(bool, shape))
    return old, np.where(same, old, new)


@given(changes())
def test_the_packed_sides_lead_from_one_to_the_other(change):
    old, new = change
    edit = LabelEdit.between(old, new)
    if edit is None:
        assert np.array_equal(old, new)
        return
    labels = old.copy()
    labels[edit.index] = edit.after
    assert np.array_equal(labels, new)
    labels[edit.index] = edit.before
    assert np.array_equal(labels, old)
    assert edit.n_changed == np.count_nonzero(old != new)
    assert np.asarray(edit.after, old.dtype).dtype == old.dtype


def test_only_the_box_around_the_change_is_kept():
    old = np.zeros((20, 30), np.int32)
    new = old.copy()
    new[4:6, 7:10] = 3
    edit = LabelEdit.between(old, new)
    assert edit.index == (slice(4, 6), slice(7, 10))
    assert edit.old.shape == (2, 3)


def test_the_place_counts_from_the_part_that_was_edited():
    old = np.zeros((1, 8, 8), np.uint8)
    new = old.copy()
    new[0, 2, 3] = 1
    origin = (slice(5, 6), slice(10, 18), slice(0, 8))
    edit = LabelEdit.between(old, new, origin)
    assert edit.index == (slice(5, 6), slice(12, 13), slice(3, 4))


def test_many_different_changes_come_back():
    old = np.arange(1000, dtype=np.int32).reshape(20, 50)
    edit = LabelEdit.between(old, old[::-1, ::-1])
    np.testing.assert_array_equal(edit.before, old)
    np.testing.assert_array_equal(edit.after, old[::-1, ::-1])


def test_no_change_is_no_edit():
    labels = np.arange(12).reshape(3, 4)
    assert LabelEdit.between(labels, labels.copy()) is None


@pytest.mark.parametrize(("most", "ratio"), [(30, 50), (10**6, 20)])
def test_a_large_edit_takes_little_memory(most, ratio):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, most, (32, 32), dtype=np.int32)
    old = np.kron(coarse, np.ones((32, 32), np.int32))
    edit = LabelEdit.between(old, (old + 1) % most)
    assert edit.before.nbytes + edit.after.nbytes < old.nbytes / ratio

"""Operations on classes, by hand and by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_mmtseg import InputError
from napari_mmtseg.labels.editing import operations as op
from napari_mmtseg.labels.regions import connected_regions

SHAPES = st.sampled_from([(9,), (6, 7), (3, 4, 5), (2, 2, 3, 4)])
DTYPES = st.sampled_from([np.uint8, np.int32, np.uint16, np.int64, np.int8])
LABELS = st.builds(lambda s, d: (s, d), SHAPES, DTYPES).flatmap(
    lambda sd: arrays(sd[1], sd[0], elements=st.integers(0, 4))
)
N_AXES = st.integers(1, 3)


def plane(*rows, dtype=np.int32):
    """Return labels drawn as text, a digit for each pixel."""
    return np.array([[int(c) for c in row] for row in rows], dtype)


def same_partition(a, b):
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


@given(LABELS, st.sets(st.integers(0, 5)), st.integers(0, 5))
def test_merge_changes_only_what_it_merges(labels, values, into):
    before = labels.copy()
    merged = op.merge(labels, values, into)
    chosen = np.isin(labels, list(values))
    assert np.all(merged[chosen] == into)
    np.testing.assert_array_equal(merged[~chosen], labels[~chosen])
    np.testing.assert_array_equal(labels, before)
    assert merged.dtype == labels.dtype


@given(LABELS, st.integers(0, 4), st.integers(0, 4))
def test_swapping_twice_changes_nothing(labels, first, second):
    swapped = op.swap(labels, first, second)
    np.testing.assert_array_equal(swapped == first, labels == second)
    np.testing.assert_array_equal(op.swap(swapped, first, second), labels)


def test_background_is_zero():
    labels = plane("1223", "3321")
    assert op.set_background(labels, [2, 3]).tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


@given(LABELS, st.sampled_from([1, 7, 30]))
def test_relabel_keeps_the_partition(labels, factor):
    new = op.relabel(labels * labels.dtype.type(factor))
    assert same_partition(labels, new)
    np.testing.assert_array_equal(new == 0, labels == 0)
    values = np.unique(new[new != 0])
    assert values.tolist() == list(range(1, len(values) + 1))


def test_relabel_keeps_the_order():
    labels = np.array([[900, 0, 7], [-3, 7, 900]], np.int16)
    assert op.relabel(labels).tolist() == [[3, 0, 2], [1, 2, 3]]
    assert op.relabel(np.zeros((2, 2), np.uint8)).tolist() == [[0, 0], [0, 0]]


def test_split_keeps_the_label_of_the_largest_region():
    labels = plane("10110", "00110", "30022", "33001")
    split = op.split(labels, [1])
    assert split.tolist() == plane("40110", "00110", "30022", "33005").tolist()


def test_split_gives_no_label_that_is_taken():
    labels = plane("101", "002")
    assert op.split(labels, [1], taken=[3, 4, 900]).tolist() == [[1, 0, 5], [0, 0, 2]]


def test_split_per_plane_and_per_volume():
    labels = np.ones((2, 1, 3), np.int32)
    labels[:, :, 1] = 0
    assert op.split(labels, [1]).tolist() == [[[1, 0, 2]], [[1, 0, 2]]]
    assert op.split(labels, [1], n_axes=2).tolist() == [[[1, 0, 2]], [[3, 0, 4]]]
    # A part of length one along an axis that connects nothing.
    assert op.split(labels[:1], [1], n_axes=2).tolist() == [[[1, 0, 2]]]


@given(LABELS, N_AXES)
def test_split_leaves_one_region_per_class(labels, n_axes):
    try:
        new = op.split(labels, range(1, 5), n_axes=n_axes)
    except InputError:
        new = labels
    regions = connected_regions(labels, n_axes)
    n = regions.max()
    assert same_partition(regions, new)
    assert np.count_nonzero(np.unique(new)) == n
    for value in np.unique(labels[labels > 0]):
        assert set(np.unique(labels[new == value])) == {value}


def test_split_says_when_the_type_is_too_small():
    labels = np.zeros((40, 60), np.uint8)
    labels[::2, ::2] = 1
    with pytest.raises(InputError, match=r"uint8 ends at 255.*int32"):
        op.split(labels, [1])
    assert len(np.unique(op.split(labels.astype(np.uint16), [1]))) == 601


def test_split_refuses_what_is_in_one_piece():
    with pytest.raises(InputError, match="Class 1 cannot be split"):
        op.split(plane("110", "100"), [1])


def test_only_the_region_clicked_is_split_off():
    labels = plane("10110", "00110", "10022")
    assert op.split_region(labels, (2, 0)).tolist() == (
        plane("10110", "00110", "30022").tolist()
    )
    with pytest.raises(InputError, match="background"):
        op.split_region(labels, (0, 1))
    with pytest.raises(InputError, match="Class 2 has only this region"):
        op.split_region(labels, (2, 3))

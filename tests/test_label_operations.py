"""Operations on labels, by hand and by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_mmtseg import InputError
from napari_mmtseg import label_operations as op

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
    regions, n = op.connected(labels, n_axes)
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
    with pytest.raises(InputError, match="Class 2 has no other region"):
        op.split_region(labels, (2, 3))


def test_islands_take_what_is_around_them():
    labels = plane(
        "1111100000",
        "1211100300",
        "1111100000",
        "1111144444",
        "1101144444",
        "1111144444",
    )
    expected = plane(
        "1111100000",
        "1111100000",
        "1111100000",
        "1111144444",
        "1101144444",
        "1111144444",
    )
    assert op.remove_islands(labels, 2).tolist() == expected.tolist()
    assert op.remove_islands(labels, 1).tolist() == labels.tolist()
    # Only those of one class, or background as well.
    only = op.remove_islands(labels, 2, [3])
    assert (only[1, 1], only[1, 7], only[4, 2]) == (2, 0, 0)
    too = op.remove_islands(labels, 2, background_too=True)
    assert (too[1, 1], too[1, 7], too[4, 2]) == (1, 0, 1)


def test_islands_per_plane_or_in_the_volume():
    labels = np.zeros((3, 5, 5), np.uint8)
    labels[:, 2, 2] = 1
    assert op.remove_islands(labels, 3).sum() == 3
    assert op.remove_islands(labels, 3, n_axes=2).sum() == 0


@given(LABELS, st.integers(0, 9), N_AXES, st.booleans())
def test_no_region_below_the_size_is_left(labels, min_size, n_axes, background_too):
    new = op.remove_islands(
        labels, min_size, background_too=background_too, n_axes=n_axes
    )
    assert new.dtype == labels.dtype
    assert set(np.unique(new)) <= set(np.unique(labels))
    for index in np.ndindex(*labels.shape[: max(labels.ndim - n_axes, 0)]):
        old_part, part = labels[index], new[index]
        offset = 1 if background_too else 0
        old_regions, _ = op.connected(old_part + offset)
        large = np.bincount(old_regions.ravel()) >= min_size
        large[0] |= not background_too
        kept = large[old_regions]
        np.testing.assert_array_equal(part[kept], old_part[kept])
        if not kept.any():
            np.testing.assert_array_equal(part, old_part)
            continue
        regions, n = op.connected(part + offset)
        if n:
            assert np.bincount(regions.ravel())[1:].min() >= min_size


def test_holes_of_background_in_one_class():
    labels = plane(
        "1111022220",
        "1001022020",
        "1121022220",
        "1111000000",
        "3330000000",
        "3012220000",
        "3332220000",
    )
    filled = op.fill_holes(labels)
    expected = labels.copy()
    expected[1, 7] = 2
    # Two classes touch the hole in the upper left: it belongs to neither.
    assert filled.tolist() == expected.tolist()


def test_holes_of_a_chosen_class_hold_anything():
    labels = plane("111110", "102010", "111110", "000000")
    assert op.fill_holes(labels, [1]).tolist() == (
        plane("111110", "111110", "111110", "000000").tolist()
    )
    assert op.fill_holes(labels, [2]).tolist() == labels.tolist()
    assert op.fill_holes(labels, [1], max_size=2).tolist() == labels.tolist()
    assert op.fill_holes(labels, [1], max_size=3)[1, 2] == 1


def test_a_hole_does_not_touch_the_border():
    labels = plane("1111", "1001", "1011")
    assert op.fill_holes(labels).tolist() == labels.tolist()
    assert op.fill_holes(labels, [1]).tolist() == labels.tolist()


def test_holes_of_planes_are_open_in_the_volume():
    labels = np.ones((2, 3, 3), np.int32)
    labels[:, 1, 1] = 0
    assert op.fill_holes(labels)[:, 1, 1].tolist() == [0, 0]
    assert op.fill_holes(labels, n_axes=2)[:, 1, 1].tolist() == [1, 1]
    assert op.fill_holes(labels, [1], n_axes=2)[:, 1, 1].tolist() == [1, 1]


@given(LABELS, st.one_of(st.none(), st.just([1]), st.just([2, 3])), N_AXES)
def test_filling_holes_only_adds_to_the_chosen(labels, values, n_axes):
    filled = op.fill_holes(labels, values, n_axes=n_axes)
    changed = filled != labels
    if values is None:
        assert np.all(labels[changed] == 0)
    else:
        assert set(np.unique(filled[changed])) <= set(values)
    np.testing.assert_array_equal(op.fill_holes(filled, values, n_axes=n_axes), filled)


def test_smoothing_takes_off_what_sticks_out():
    labels = np.ones((20, 20), np.int32)
    labels[10:] = 2
    expected = labels.copy()
    labels[9, 10] = 2
    labels[10, 4] = 1
    assert op.smooth(labels, 3).tolist() == expected.tolist()
    # A straight boundary stays where it is.
    assert op.smooth(expected, 3).tolist() == expected.tolist()


def test_smoothing_moves_only_the_boundaries_of_chosen_classes():
    labels = np.ones((20, 30), np.int32)
    labels[10:] = 2
    labels[:, 20:] = 3
    labels[9, 10] = 2
    labels[5, 20] = 1
    assert op.smooth(labels, 3, [3])[9, 10] == 2
    assert op.smooth(labels, 3, [3])[5, 20] == 3


def test_smoothing_in_planes_leaves_the_others_alone():
    labels = np.ones((3, 12, 12), np.int32)
    labels[1] = 2
    labels[1, 6, 6] = 1
    assert np.all(op.smooth(labels, 3, n_axes=2)[1] == 2)
    # Nothing moves along an axis with a radius of 0.
    assert np.all(op.smooth(labels, (0, 3, 3))[1] == 2)


@given(LABELS, st.sampled_from([0.5, 1, 3, 8]), N_AXES)
def test_smoothing_keeps_the_classes(labels, radius, n_axes):
    new = op.smooth(labels, radius, n_axes=n_axes)
    assert set(np.unique(new)) == set(np.unique(labels))
    assert new.dtype == labels.dtype

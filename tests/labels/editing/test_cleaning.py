"""Islands, holes and boundaries, by hand and by their properties."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from napari_mmtseg.labels.editing import cleaning as op
from napari_mmtseg.labels.regions import connected_regions
from tests.labels.editing.test_operations import LABELS, N_AXES, plane


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
        old_regions = connected_regions(old_part + offset)
        large = np.bincount(old_regions.ravel()) >= min_size
        large[0] |= not background_too
        kept = large[old_regions]
        np.testing.assert_array_equal(part[kept], old_part[kept])
        if not kept.any():
            np.testing.assert_array_equal(part, old_part)
            continue
        regions = connected_regions(part + offset)
        n = regions.max()
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
@example(np.array([2, 0, 1, 3, 1, 3, 2, 3, 0], np.uint8), 8, 1)
def test_smoothing_keeps_the_classes(labels, radius, n_axes):
    new = op.smooth(labels, radius, n_axes=n_axes)
    assert set(np.unique(new)) == set(np.unique(labels))
    assert new.dtype == labels.dtype

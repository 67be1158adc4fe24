"""Another number of classes for edited labels."""

import numpy as np
import pytest

from napari_mmtseg.labels.editing.class_count import ClassCount, Display
from napari_mmtseg.labels.hierarchy import LabelHierarchy

GROUPS = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 2], [0, 1, 2, 3]])


@pytest.fixture
def hierarchy():
    """Vertical stripes of four clusters, twice, 32 x 64."""
    clusters = np.repeat(np.tile(np.arange(4), 2), 8)[np.newaxis].repeat(32, 0)
    return LabelHierarchy(clusters, GROUPS, np.array([9, 5, 6, 7]), 3, 2)


@pytest.fixture
def class_count(hierarchy):
    return ClassCount(hierarchy)


def test_labels_without_edits_go_anywhere_and_back(class_count, hierarchy):
    labels = hierarchy.labels()
    for k in (4, 1, 2, 3, 1, 4, 3):
        labels = class_count.change(labels, k, "classes")
        np.testing.assert_array_equal(labels, hierarchy.labels(k))
        assert class_count.display(labels) == Display(k, "classes")


def test_edits_stay_where_the_user_painted(class_count, hierarchy):
    labels = hierarchy.labels()
    labels[3:6, 2:9] = 2  # a class of the result
    labels[10:12, 20:30] = 77  # one of the user's own
    labels[20:22] = 0  # erased
    edited = labels != hierarchy.labels()
    for k, output in [(4, "classes"), (2, "regions"), (1, "classes"), (3, "classes")]:
        before, labels = labels, class_count.change(labels, k, output)
        if output == "classes":
            assert set(labels[10:12, 20:30].ravel()) == {77}
            assert (labels[3:6, 2:9] == 2).all()
            assert not labels[20:22].any()
            np.testing.assert_array_equal(labels[~edited], hierarchy.labels(k)[~edited])
        else:
            assert not labels[20:22].any()
            assert len(np.unique(labels[10:12, 20:30])) == 1
        del before
    np.testing.assert_array_equal(edited, labels != hierarchy.labels())


def test_an_undo_is_recognised(class_count, hierarchy):
    first = hierarchy.labels()
    first[0, :5] = 50
    second = class_count.change(first, 2, "regions")
    class_count.change(second, 4, "classes")
    # The layer shows `second` again, then `first`.
    assert class_count.display(second) == Display(2, "regions")
    np.testing.assert_array_equal(class_count.change(second, 3, "classes"), first)
    assert class_count.display(first) == Display(3, "classes")
    again = class_count.change(first, 4, "classes")
    assert (again[0, :5] == 50).all()
    np.testing.assert_array_equal(again[1:], hierarchy.labels(4)[1:])


def test_an_edit_of_regions_takes_the_region_s_class(class_count, hierarchy):
    regions = class_count.change(hierarchy.labels(), 2, "regions")
    assert set(np.unique(regions)) == {1, 2, 3, 4}
    regions[5, 0:4] = regions[0, 60]  # region 4 belongs to the second class
    classes = class_count.change(regions, 2, "classes")
    assert set(classes[5, 0:4]) == {hierarchy.labels(2)[0, 60]}
    expected = hierarchy.labels(2)
    expected[5, 0:4] = hierarchy.labels(2)[0, 60]
    np.testing.assert_array_equal(classes, expected)


def test_a_result_of_regions_is_recognised(class_count, hierarchy):
    result = hierarchy.labels(output="regions")
    class_count.note_result(result, Display(3, "regions"))
    assert class_count.display(result) == Display(3, "regions")
    np.testing.assert_array_equal(
        class_count.change(result, 3, "classes"), hierarchy.labels(3)
    )


def test_the_result_s_own_regions_come_back(hierarchy):
    own = np.arange(8).repeat(8)[np.newaxis].repeat(32, 0)
    class_count = ClassCount(
        LabelHierarchy(hierarchy.clusters, GROUPS, np.ones(4), 3, 2, own)
    )
    regions = class_count.change(class_count.hierarchy.labels(), 3, "regions")
    np.testing.assert_array_equal(regions, own + 1)


def test_layers_with_more_axes(hierarchy):
    class_count = ClassCount(hierarchy.reshaped((1, 32, 64)))
    labels = class_count.change(class_count.hierarchy.labels(), 2, "regions")
    assert labels.shape == (1, 32, 64)
    labels = class_count.change(labels, 2, "classes")
    np.testing.assert_array_equal(labels[0], hierarchy.labels(2))


def test_an_edit_outlives_a_number_that_hides_it(class_count, hierarchy):
    labels = class_count.change(hierarchy.labels(), 4, "classes")
    split_off = labels == hierarchy.label_of_cluster(4)[1]
    split_off[8:] = False
    labels[split_off] = hierarchy.label_of_cluster(4)[0]
    labels = class_count.change(labels, 3, "classes")
    np.testing.assert_array_equal(labels, hierarchy.labels(3))
    labels = class_count.change(labels, 4, "classes")
    assert (labels[split_off] == hierarchy.label_of_cluster(4)[0]).all()


def test_an_edit_that_was_undone_is_forgotten(class_count, hierarchy):
    first = class_count.change(hierarchy.labels(), 4, "classes")
    edited = first.copy()
    edited[4, 4] = 99
    class_count.change(edited, 2, "classes")
    class_count.change(first, 3, "classes")  # both undone
    np.testing.assert_array_equal(
        class_count.change(first, 2, "classes"), hierarchy.labels(2)
    )


def test_another_hierarchy_takes_over_with_the_edits(class_count, hierarchy):
    rows = np.arange(32).repeat(64).reshape(32, 64) // 8
    other = ClassCount(LabelHierarchy(rows, GROUPS, np.array([9, 5, 6, 7]), 4, 4))
    labels = class_count.change(hierarchy.labels(), 4, "classes")
    labels[3:5, 3:9] = 50
    assert class_count.agreement(labels) > 0.98 > 0.6 > other.agreement(labels)
    labels = other.change(labels, 2, "classes", made_by=class_count)
    expected = other.hierarchy.labels(2)
    expected[3:5, 3:9] = 50
    np.testing.assert_array_equal(labels, expected)
    back = class_count.change(labels, 3, "classes", made_by=other)
    expected = hierarchy.labels()
    expected[3:5, 3:9] = 50
    np.testing.assert_array_equal(back, expected)


def test_edits_follow_when_another_class_becomes_background(class_count, hierarchy):
    labels = hierarchy.labels()
    labels[3:6, 2:9] = 2  # on class 1
    labels[10:12, 20:30] = 77
    other = ClassCount(hierarchy.with_background(0))
    shown = other.change(labels, 3, "classes", class_count)
    assert (shown[3:6, 2:9] == 1).all()  # what was 2
    assert (shown[10:12, 20:30] == 77).all()
    assert shown[0, 0] == 0
    back = class_count.change(shown, 3, "classes", other)
    np.testing.assert_array_equal(back, labels)


def test_what_was_erased_is_told_from_background(hierarchy):
    class_count = ClassCount(hierarchy.with_background(0))
    labels = class_count.hierarchy.labels()
    assert not class_count.erased(labels).any()
    labels[20:22, 40:60] = 0
    erased = class_count.erased(labels)
    assert erased[20:22, 40:60].sum() == erased.sum() < 40

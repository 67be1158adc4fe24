"""Labels for every number of classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_mmtseg.labels.hierarchy import LabelHierarchy

# Four leaves; 0 and 1 merge first, then 2 and 3.
GROUPS = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 2], [0, 1, 2, 3]])
LEAVES = np.array([[0, 0, 0, 1], [2, 2, 3, 3], [2, 2, 3, 0]])
SIZES = np.array([4.0, 1.0, 4.0, 3.0])


def hierarchy(**changes):
    return LabelHierarchy(
        **{
            "leaves": LEAVES,
            "groups": GROUPS,
            "sizes": SIZES,
            "fitted": 3,
            "automatic": 2,
            **changes,
        }
    )


def test_labels_are_numbered_from_dark_to_bright():
    expected = [[1, 1, 1, 1], [2, 2, 3, 3], [2, 2, 3, 1]]
    np.testing.assert_array_equal(hierarchy().labels(), expected)
    np.testing.assert_array_equal(hierarchy().labels(4), LEAVES + 1)
    assert (hierarchy().labels(1) == 1).all()
    # Beyond either end there is nothing.
    np.testing.assert_array_equal(hierarchy().labels(9), LEAVES + 1)


def test_a_class_keeps_its_label_when_others_merge():
    shown = hierarchy()
    assert shown.values().tolist() == [1, 1, 2, 3]  # as in the result
    assert shown.values(4).tolist() == [1, 4, 2, 3]  # the split-off leaf is new
    assert shown.values(2).tolist() == [1, 1, 2, 2]  # the heavier of 2 and 3 stays
    assert set(shown.values(1)) == {1}


@st.composite
def nested(draw):
    """Return a hierarchy in which one random pair of classes merges at a time."""
    n = draw(st.integers(1, 7))
    row = np.arange(n)
    rows = [row]
    while row.max() > 0:
        k = int(row.max()) + 1
        a, b = sorted(draw(st.lists(st.integers(0, k - 1), min_size=2, max_size=2)))
        if a == b:
            a, b = k - 2, k - 1
        row = np.unique(np.where(row == b, a, row), return_inverse=True)[1]
        rows.append(row)
    sizes = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    fitted = draw(st.integers(1, n))
    return LabelHierarchy(
        np.arange(n)[np.newaxis], np.stack(rows[::-1]), np.array(sizes), fitted, fitted
    )


@given(nested())
def test_labels_are_stable_in_any_hierarchy(shown):
    result = shown.labels()
    np.testing.assert_array_equal(shown.shown(), result)
    for k in range(1, shown.finest + 1):
        values = shown.values(k)
        # The same partition under other names.
        pairs = set(zip(values.tolist(), shown.labels(k)[0].tolist(), strict=True))
        assert len(pairs) == len(set(values.tolist())) == k
    for k in range(1, shown.finest):
        fine, coarse = shown.values(k + 1), shown.values(k)
        changed = np.unique(fine[fine != coarse])
        assert len(changed) <= 1  # only the lighter of the two that merge


def test_regions_are_the_pieces_of_the_classes_or_the_result_s_own():
    pieces = hierarchy().labels(output="regions")
    np.testing.assert_array_equal(pieces, [[1, 1, 1, 1], [2, 2, 3, 3], [2, 2, 3, 4]])
    own = np.arange(12).reshape(3, 4)
    found = hierarchy(regions=own)
    np.testing.assert_array_equal(found.labels(output="regions"), own + 1)
    np.testing.assert_array_equal(found.labels(3, output="regions"), pieces)


def test_small_pieces_join_what_is_around_them():
    cleaned = hierarchy(min_region_size=2)
    assert cleaned.labels()[2, 3] == 3
    assert cleaned.shown()[2, 3] == 3


def test_classes_without_pixels_get_no_number():
    leaves = np.where(LEAVES == 2, 3, LEAVES)
    numbered = hierarchy(leaves=leaves).numbered()
    assert set(numbered.labels().ravel()) == {1, 2}
    assert set(numbered.labels(4).ravel()) == {1, 2, 3}
    assert set(hierarchy(leaves=leaves).labels().ravel()) == {1, 3}


def test_the_images_can_be_arranged_for_a_layer():
    arranged = hierarchy(regions=LEAVES).arranged((1, 3, 4))
    assert arranged.shown().shape == (1, 3, 4)
    assert arranged.labels(output="regions").shape == (1, 3, 4)
    assert hierarchy(min_region_size=2).arranged((1, 3, 4)).shown()[0, 2, 3] == 3


@pytest.mark.parametrize("fitted", [1, 2, 3, 4])
def test_the_result_has_consecutive_labels(fitted):
    shown = hierarchy(fitted=fitted)
    assert sorted(set(shown.values().tolist())) == list(range(1, fitted + 1))


def test_classes_lost_to_clean_up_leave_no_gap():
    cleaned = hierarchy(min_region_size=3, fitted=4)
    labels = cleaned.labels()
    assert set(labels.ravel()) == {1, 3, 4}
    shown = cleaned.renumbered(labels)
    np.testing.assert_array_equal(shown.shown(), np.maximum(labels - 1, 1))
    assert len(set(shown.values(4).tolist())) == 4


@pytest.mark.parametrize("merging", ["classes", "regions"])
def test_classes_of_another_image_have_the_labels_they_have_in_the_first(merging):
    first = hierarchy(merging=merging)
    # Heavier leaves of its own would give the second image other labels.
    groups = GROUPS if merging == "classes" else GROUPS[:, [3, 0, 1, 2]]
    second = hierarchy(merging=merging, groups=groups, sizes=np.array([1, 9, 1, 9.0]))
    named = second.named_like(first)
    for k in range(1, 5):
        by_class = dict(zip(first.groups[k - 1], first.values(k), strict=True))
        expected = [by_class[c] for c in second.groups[k - 1]]
        assert named.values(k).tolist() == expected
    assert named.labels(2).max() == 2


def test_classes_take_the_labels_that_are_there():
    labels = np.array([[9, 9, 9, 9], [5, 5, 0, 0], [5, 5, 0, 9]])
    named = hierarchy().named_after(labels)
    assert named.values().tolist() == [9, 9, 5, 10]
    assert set(named.values(4).tolist()) == {9, 11, 5, 10}
    assert named.labels().max() == 3


def test_every_class_has_its_label():
    assert hierarchy().class_values(4).tolist() == [1, 4, 2, 3]
    assert hierarchy().class_values(2).tolist() == [1, 2]
    gap = hierarchy(groups=np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 2, 2]]))
    assert gap.class_values(3).tolist() == [1, 4, 3]

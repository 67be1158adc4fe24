"""Labels for every number of classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_mmtseg.labels.hierarchy import LabelHierarchy, without_gaps

# Four clusters; 0 and 1 merge first, then 2 and 3.
GROUPS = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 2], [0, 1, 2, 3]])
CLUSTERS = np.array([[0, 0, 0, 1], [2, 2, 3, 3], [2, 2, 3, 0]])
SIZES = np.array([4.0, 1.0, 4.0, 3.0])


def hierarchy(**changes):
    return LabelHierarchy(
        **{
            "clusters": CLUSTERS,
            "groups": GROUPS,
            "sizes": SIZES,
            "fitted": 3,
            "automatic": 2,
            **changes,
        }
    )


def test_labels_of_the_result_are_numbered_from_dark_to_bright():
    expected = [[1, 1, 1, 1], [2, 2, 3, 3], [2, 2, 3, 1]]
    np.testing.assert_array_equal(hierarchy().labels(), expected)
    np.testing.assert_array_equal(hierarchy(fitted=4).labels(), CLUSTERS + 1)
    assert (hierarchy().labels(1) == 1).all()
    # Beyond either end there is nothing.
    np.testing.assert_array_equal(hierarchy(fitted=9).labels(), CLUSTERS + 1)


def test_a_class_keeps_its_label_when_others_merge():
    found = hierarchy()
    assert found.label_of_cluster().tolist() == [1, 1, 2, 3]  # as in the result
    assert found.label_of_cluster(4).tolist() == [1, 4, 2, 3]  # 1 is split
    assert found.label_of_cluster(2).tolist() == [1, 1, 2, 2]  # the heavier one stays
    assert set(found.label_of_cluster(1)) == {1}


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
def test_labels_are_stable_in_any_hierarchy(found):
    row = found.groups[found.fitted - 1]
    np.testing.assert_array_equal(found.labels(), row[np.newaxis] + 1)
    same = found.relabelled(np.arange(1, found.fitted + 1, dtype=np.int32))
    for k in range(1, found.finest + 1):
        labels = found.label_of_cluster(k)
        np.testing.assert_array_equal(same.label_of_cluster(k), labels)
        # The same partition under other names.
        pairs = set(zip(labels.tolist(), found.groups[k - 1].tolist(), strict=True))
        assert len(pairs) == len(set(labels.tolist())) == k
    for k in range(1, found.finest):
        fine, coarse = found.label_of_cluster(k + 1), found.label_of_cluster(k)
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
    assert hierarchy(min_region_size=2).labels()[2, 3] == 3


def test_classes_without_pixels_get_no_number():
    clusters = np.where(CLUSTERS == 2, 3, CLUSTERS)
    found = hierarchy(clusters=clusters).without_empty()
    assert set(found.labels().ravel()) == {1, 2}
    assert found.groups[3].max() + 1 == 3
    assert set(hierarchy(clusters=clusters).labels().ravel()) == {1, 3}


def test_the_images_can_be_reshaped_for_a_layer():
    reshaped = hierarchy(regions=CLUSTERS).reshaped((1, 3, 4))
    assert reshaped.labels().shape == (1, 3, 4)
    assert reshaped.labels(output="regions").shape == (1, 3, 4)
    assert hierarchy(min_region_size=2).reshaped((1, 3, 4)).labels()[0, 2, 3] == 3


@pytest.mark.parametrize("fitted", [1, 2, 3, 4])
def test_the_result_has_consecutive_labels(fitted):
    found = hierarchy(fitted=fitted)
    assert sorted(set(found.label_of_cluster())) == list(range(1, fitted + 1))


def test_classes_lost_to_clean_up_leave_no_gap():
    cleaned = hierarchy(min_region_size=3, fitted=4)
    labels = cleaned.labels()
    assert set(labels.ravel()) == {1, 3, 4}
    present = np.bincount(labels.ravel(), minlength=5)[1:] > 0
    closed = cleaned.relabelled(without_gaps(present))
    np.testing.assert_array_equal(closed.labels(), np.maximum(labels - 1, 1))
    assert len(set(closed.label_of_cluster(4).tolist())) == 4
    # In an image with all four classes, the same ones have the same labels.
    assert closed.labels_for_model(cleaned).tolist() == [1, 4, 2, 3]
    assert cleaned.labels_for_model(cleaned) is None


@pytest.mark.parametrize("merging", ["classes", "regions"])
def test_classes_of_another_image_have_the_labels_they_have_in_the_first(merging):
    first = hierarchy(merging=merging)
    # Heavier clusters of its own would give the second image other labels.
    groups = GROUPS if merging == "classes" else GROUPS[:, [3, 0, 1, 2]]
    second = hierarchy(merging=merging, groups=groups, sizes=np.array([1, 9, 1, 9.0]))
    like = second.labelled_like(first)
    for k in range(1, 5):
        labels = first.label_of_cluster(k)
        by_class = dict(zip(first.groups[k - 1], labels, strict=True))
        expected = [by_class[c] for c in second.groups[k - 1]]
        assert like.label_of_cluster(k).tolist() == expected


def test_a_class_that_another_image_lacks_is_not_background():
    first = hierarchy(merging="regions", groups=GROUPS[:, :3], sizes=SIZES[:3])
    like = hierarchy(merging="regions").labelled_like(first)
    assert like.label_of_cluster(3).tolist() == [1, 1, 2, 3]
    assert like.label_of_cluster(4).tolist() == [1, 4, 2, 5]


def test_classes_take_the_labels_of_an_image():
    labels = np.array([[9, 9, 9, 9], [5, 5, 0, 0], [5, 5, 0, 9]])
    matched = hierarchy().matched_to(labels)
    assert matched.label_of_cluster().tolist() == [9, 9, 5, 10]
    assert set(matched.label_of_cluster(4).tolist()) == {9, 11, 5, 10}


def test_the_background_is_0_and_the_others_move_up():
    found = hierarchy().with_background(1)
    assert found.has_background
    assert not hierarchy().has_background
    assert found.label_of_cluster().tolist() == [1, 1, 0, 2]
    assert found.labels_for_model(hierarchy()).tolist() == [1, 0, 2]
    # The heavier of two classes that merge keeps its label, background too.
    assert found.label_of_cluster(2).tolist() == [1, 1, 0, 0]
    assert len(set(found.label_of_cluster(4).tolist())) == 4
    assert found.with_background(None).label_of_cluster().tolist() == [1, 1, 2, 3]
    other = found.with_background(0).label_of_cluster()
    assert other.tolist() == [0, 0, 1, 2]


def test_background_leaves_painted_labels_and_other_class_counts_alone():
    painted = hierarchy().relabelled(np.array([7, 5, 2], np.int32))
    background = painted.with_background(0)
    assert background.label_of_class().tolist() == [0, 5, 2]
    assert background.with_background(2).label_of_class().tolist() == [1, 5, 0]
    fewer = hierarchy().with_background(1, 2)
    assert fewer.label_of_class(2).tolist() == [1, 0]


def test_regions_and_clean_up_with_a_background():
    found = hierarchy().with_background(1)
    assert found.labels(output="regions").tolist() == [
        [1, 1, 1, 1],
        [0, 0, 2, 2],
        [0, 0, 2, 3],
    ]
    own = hierarchy(regions=np.arange(12).reshape(3, 4)).with_background(1)
    assert (own.labels(output="regions") == 0).sum() == 4
    # An island in background goes, and so does one of background.
    clusters = np.full((5, 5), 2)
    clusters[2, 2] = 0
    island = hierarchy(clusters=clusters, min_region_size=2).with_background(1)
    assert not island.labels().any()
    island = hierarchy(clusters=clusters, min_region_size=2).with_background(0)
    assert (island.labels() == 1).all()


@given(nested(), st.data())
def test_any_class_can_be_background(found, data):
    classes = found.groups[found.fitted - 1].max() + 1
    index = data.draw(st.integers(0, int(classes) - 1))
    labels = found.with_background(index).labels()
    before = found.labels()
    assert ((labels == 0) == (before == index + 1)).all()
    assert set(labels.ravel()) == set(range(classes))


def test_classes_take_the_labels_of_a_model():
    assert hierarchy().label_of_class(4).tolist() == [1, 4, 2, 3]
    assert hierarchy().label_of_class(2).tolist() == [1, 2]
    gap = hierarchy(groups=np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 2, 2]]))
    assert gap.label_of_class(3).tolist() == [1, 4, 3]
    two = hierarchy().relabelled(np.array([7, 3], np.int32))
    assert two.label_of_cluster(2).tolist() == [7, 7, 3, 3]
    assert len(set(two.label_of_cluster().tolist())) == 3
    # A stack that is merged by regions has one row only.
    row = hierarchy(groups=np.arange(4)[np.newaxis], fitted=4)
    labels = np.array([4, 3, 9, 1], np.int32)
    assert row.relabelled(labels).label_of_cluster().tolist() == labels.tolist()

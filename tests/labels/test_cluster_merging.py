import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_mmtseg.labels.cluster_merging import ClusterMerging, ClusterStatistics


def hierarchy(sizes, means, contrasts=None):
    sizes, means = np.asarray(sizes, float), np.asarray(means, float)[:, np.newaxis]
    n = len(sizes)
    lengths = np.ones((n, n)) - np.eye(n)
    if contrasts is None:
        contrasts = lengths
    spread = float(sizes @ ((means - sizes @ means / sizes.sum()) ** 2).sum(1))
    return ClusterMerging(
        ClusterStatistics(sizes, means, lengths, np.asarray(contrasts, float), spread)
    )


def test_statistics_by_hand():
    clusters = np.array([[0, 0, 2], [0, 2, 2]])
    image = np.array([[[1.0, 3.0, 8.0], [2.0, 6.0, 10.0]]], np.float32)
    found = ClusterStatistics.measure([clusters], [image], 3)
    assert found.sizes.tolist() == [3, 0, 3]
    assert found.means[[0, 2], 0].tolist() == [2, 8]
    # Neighbours of 0 and 2: (0,1)-(0,2), (0,1)-(1,1), (1,0)-(1,1).
    assert found.lengths.tolist() == [[0, 0, 3], [0, 0, 0], [3, 0, 0]]
    assert found.contrasts[0, 2] == found.contrasts[2, 0] > 0
    assert found.spread == pytest.approx(((image - image.mean()) ** 2).sum())


def test_statistics_of_maps_of_small_integers():
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 40, (20, 20))  # 40 * 40 pairs are more than a byte holds
    image = rng.random((1, 20, 20)).astype(np.float32)
    wide = ClusterStatistics.measure([clusters], [image], 40)
    narrow = ClusterStatistics.measure([clusters.astype(np.uint8)], [image], 40)
    np.testing.assert_array_equal(narrow.lengths, wide.lengths)
    np.testing.assert_array_equal(narrow.contrasts, wide.contrasts)


def test_statistics_of_several_images_add_up():
    rng = np.random.default_rng(0)
    maps = [rng.integers(0, 4, (7, 9)) for _ in range(2)]
    images = [rng.random((2, 7, 9)).astype(np.float32) for _ in range(2)]
    both = ClusterStatistics.measure(maps, images, 4)
    each = [
        ClusterStatistics.measure([m], [i], 4)
        for m, i in zip(maps, images, strict=True)
    ]
    np.testing.assert_allclose(both.lengths, sum(e.lengths for e in each))
    np.testing.assert_allclose(both.contrasts, sum(e.contrasts for e in each))
    np.testing.assert_allclose(both.sizes, sum(e.sizes for e in each))


def test_the_most_similar_clusters_share_a_class():
    tree = hierarchy([10, 10, 10, 10], [0, 0.1, 5, 5.3])
    assert tree.groups(2).tolist() == [0, 0, 1, 1]
    assert tree.groups(3).tolist() == [0, 0, 1, 2]
    assert tree.groups(9).tolist() == [0, 1, 2, 3]
    assert tree.groups(1).tolist() == [0, 0, 0, 0]


def test_a_single_wrong_merge_is_put_right():
    # Ward merges 1.9 with 3 (each small), then 0 stays alone; two classes explain
    # more with 1.9 beside 0: found by hand.
    sizes, means = [100, 10, 12, 100], [0.0, 2.0, 3.5, 6.0]
    tree = hierarchy(sizes, means)
    best = 0.0
    for cut in (1, 2, 3):
        group = np.array([0] * cut + [1] * (4 - cut))
        best = max(best, tree._explained(group))
    assert tree.explained(2) == pytest.approx(best)


def test_classes_split_where_edges_are():
    # 1 lies exactly between 0 and 2 and is as large as both: only the edge decides.
    for sharp, expected in ((0, [0, 1, 1]), (1, [0, 0, 1])):
        contrasts = np.ones((3, 3)) - np.eye(3)
        contrasts[sharp, sharp + 1] = contrasts[sharp + 1, sharp] = 9
        tree = hierarchy([10, 10, 10], [0, 1, 2], contrasts)
        assert tree.groups(2).tolist() == expected


def test_empty_clusters_join_another():
    assert hierarchy([5, 0, 5], [0, 50, 1]).groups(2).tolist() == [0, 1, 1]


def test_one_class_explains_clusters_that_look_the_same():
    assert hierarchy([4, 4], [1, 1]).explained(1) == 1.0


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.floats(-9, 9)), min_size=1, max_size=7),
    st.integers(1, 8),
)
def test_any_number_of_classes_is_exact(clusters, n_labels):
    sizes, means = zip(*clusters, strict=True)
    if not sum(sizes):
        return
    tree = hierarchy(sizes, means)
    group = tree.groups(n_labels)
    expected = min(n_labels, tree.n_clusters)
    assert sorted(set(group.tolist())) == list(range(expected))
    assert 0 <= tree.explained(n_labels) <= 1 + 1e-9

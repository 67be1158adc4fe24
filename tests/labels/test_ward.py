import numpy as np

from napari_mmtseg.labels.ward import merge_classes, merges


def test_the_most_similar_classes_merge_first():
    means = np.array([[0.0], [0.1], [5.0], [5.3]])
    sizes = np.full(4, 10.0)
    assert merge_classes(means, sizes, 4).tolist() == [0, 1, 2, 3]
    assert merge_classes(means, sizes, 3).tolist() == [0, 0, 1, 2]
    assert merge_classes(means, sizes, 2).tolist() == [0, 0, 1, 1]
    assert merge_classes(means, sizes, 1).tolist() == [0, 0, 0, 0]


def test_small_classes_are_cheaper_to_merge():
    means = np.array([[0.0], [1.0], [2.2]])
    # 100 * 100 / 200 * 1 = 50 against 100 * 1 / 101 * 1.44 = 1.4
    assert merge_classes(means, np.array([100.0, 100.0, 1.0]), 2).tolist() == [0, 1, 1]


def test_merging_stops_at_the_largest_cost():
    means, sizes = np.array([[0.0], [1.0], [9.0]]), np.array([10.0, 10.0, 10.0])
    # The first merge costs 10 * 10 / 20 * 1 = 5.
    assert merge_classes(means, sizes, 1, max_cost=5.0).tolist() == [0, 1, 2]
    assert merge_classes(means, sizes, 1, max_cost=5.1).tolist() == [0, 0, 1]


def test_empty_classes_join_for_free():
    means, sizes = np.array([[0.0], [50.0], [1.0]]), np.array([5.0, 0.0, 5.0])
    assert len(set(merge_classes(means, sizes, 2)[[0, 2]])) == 2


def test_both_ways_of_merging_agree():
    rng = np.random.default_rng(0)
    means, sizes = rng.normal(size=(20, 3)), rng.integers(1, 99, 20).astype(float)
    group = np.arange(20)
    for done, (kept, gone) in enumerate(merges(means, sizes), 1):
        group[group == gone] = kept
        expected = np.unique(group, return_inverse=True)[1]
        found = merge_classes(means, sizes, 20 - done)
        np.testing.assert_array_equal(found, expected)


def test_a_merge_can_be_weighed_or_forbidden():
    means, sizes = np.array([[0.0], [1.0], [3.0]]), np.ones(3)

    def apart(cost, left):
        cost[np.ix_(left < 2, left < 2)] = np.inf

    assert list(merges(means, sizes, apart)) == [(1, 2)]

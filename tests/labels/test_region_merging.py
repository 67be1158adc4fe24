import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_mmtseg.labels.region_merging import (
    BorderPixels,
    RegionMerging,
    RegionValues,
    WardHeights,
)


def merging(regions, image, edges):
    values = RegionValues.measure(regions, image)
    borders = BorderPixels(regions).along(edges)
    return RegionMerging(len(values.sizes), borders, WardHeights(values))


def averaged(regions, trees):
    borders = BorderPixels(regions).along(np.zeros(regions.shape, np.float32))
    return RegionMerging.averaged(borders, trees)


def stripes(values, width=4, height=6):
    regions = np.repeat(np.arange(len(values)), width)[np.newaxis].repeat(height, 0)
    return regions, np.asarray(values, np.float32)[regions][np.newaxis]


def test_heights_by_hand():
    regions, image = stripes([0, 1, 5])
    edges = np.ones(regions.shape, np.float32)
    tree = merging(regions, image, edges)
    n, deviation = regions.size, image.std()
    first = np.sqrt(24 * 24 / 48 / n) * 1 / deviation
    second = np.sqrt(48 * 24 / 72 / n) * 4.5 / deviation
    np.testing.assert_allclose(tree.heights, [first, second], rtol=1e-6)
    assert tree.cut(2).tolist() == [0, 0, 1]
    assert tree.n_above(first) == 2
    assert tree.n_above(first * 0.999) == 3
    assert tree.n_above(np.inf) == 1


def test_an_edge_keeps_regions_apart():
    regions, image = stripes([0, 1, 2])
    edges = np.ones(regions.shape, np.float32)
    edges[:, 3:5] = 4
    assert merging(regions, image, edges).cut(2).tolist() == [0, 1, 1]


def test_only_neighbours_merge():
    regions, image = stripes([0, 5, 0])
    tree = merging(regions, image, np.ones(regions.shape, np.float32))
    assert len(set(tree.cut(2)[[0, 2]].tolist())) == 2


def test_neither_size_nor_range_matters():
    regions, image = stripes([0, 1, 3, 9, 2])
    edges = np.abs(np.random.default_rng(0).normal(size=regions.shape))
    edges = edges.astype(np.float32)
    tree = merging(regions, image, edges)
    brighter = merging(regions, 7 * image + 2, 7 * edges)
    np.testing.assert_allclose(brighter.heights, tree.heights, rtol=1e-4)
    larger = [np.kron(a, np.ones((2, 2))) for a in (regions, image[0], edges)]
    doubled = merging(
        larger[0].astype(int),
        larger[1][np.newaxis].astype(np.float32),
        larger[2].astype(np.float32),
    )
    np.testing.assert_allclose(doubled.heights, tree.heights, rtol=1e-4)


def test_a_single_region_and_a_flat_image():
    one = merging(
        np.zeros((3, 3), int), np.ones((1, 3, 3), np.float32), np.zeros((3, 3), "f4")
    )
    assert (one.n_regions, one.heights.size, one.cut(5).tolist()) == (1, 0, [0])
    regions, image = stripes([2, 2, 2])
    flat = merging(regions, image, np.zeros(regions.shape, np.float32))
    assert flat.n_above(0.0) == 1


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(1, 30))
def test_every_number_of_regions_is_exact_and_nested(seed, n_regions):
    rng = np.random.default_rng(seed)
    regions = np.arange(25).reshape(5, 5).repeat(3, 0).repeat(2, 1)
    image = rng.random((2, 15, 10)).astype(np.float32)
    edges = rng.random((15, 10)).astype(np.float32)
    tree = merging(regions, image, edges)
    assert (np.diff(tree.heights) >= 0).all()
    fine, coarse = tree.cut(n_regions + 1), tree.cut(n_regions)
    assert sorted(set(coarse.tolist())) == list(range(min(n_regions, 25)))
    # Nested: what is together in the finer one stays together.
    pairs = set(zip(fine.tolist(), coarse.tolist(), strict=True))
    assert len(pairs) == len(set(fine.tolist()))


def test_groups_of_a_cut_are_connected():
    from skimage.measure import label

    rng = np.random.default_rng(3)
    regions = np.arange(100).reshape(10, 10).repeat(3, 0).repeat(3, 1)
    image = rng.random((1, 30, 30)).astype(np.float32)
    tree = merging(regions, image, image[0])
    for k in (2, 7, 40):
        assert label(tree.cut(k)[regions], connectivity=1, background=-1).max() == k


def test_order_of_the_regions_does_not_matter():
    rng = np.random.default_rng(5)
    regions = np.arange(36).reshape(6, 6).repeat(3, 0).repeat(3, 1)
    image, edges = rng.random((1, 18, 18)).astype("f4"), rng.random((18, 18))
    edges = edges.astype(np.float32)
    order = rng.permutation(36)
    tree = merging(regions, image, edges)
    other = merging(order[regions], image, edges)
    np.testing.assert_allclose(other.heights, tree.heights, rtol=1e-6)
    first, second = tree.cut(5)[regions], other.cut(5)[order[regions]]
    assert len(set(zip(first.ravel(), second.ravel(), strict=True))) == 5


def test_heights_are_finite_whatever_the_scale():
    regions, image = stripes([0, 1, 5])
    tiny = merging(regions, 1e-9 * image, np.full(regions.shape, 1e-9, np.float32))
    assert np.isfinite(tiny.heights).all()
    assert tiny.heights == pytest.approx(np.sort(tiny.heights))


def test_the_average_of_hierarchies_keeps_what_most_keep_apart():
    regions, image = stripes([0, 1, 3])
    edges = np.ones(regions.shape, np.float32)
    tree = merging(regions, image, edges)
    other = merging(regions, -image[:, :, ::-1].copy(), edges)
    # Alone each is what it was; the two disagree on which pair merges first.
    assert averaged(regions, [tree]).cut(2).tolist() == [0, 0, 1]
    assert averaged(regions, [other]).cut(2).tolist() == [0, 1, 1]
    assert averaged(regions, [tree, tree, other]).cut(2).tolist() == ([0, 0, 1])


def test_heights_of_an_average_are_shares():
    rng = np.random.default_rng(0)
    regions = np.arange(64).reshape(8, 8).repeat(3, 0).repeat(3, 1)
    trees = [
        merging(regions, rng.random((1, 24, 24)).astype("f4"), edges)
        for edges in rng.random((3, 24, 24)).astype("f4")
    ]
    heights = averaged(regions, trees).heights
    assert (np.diff(heights) >= 0).all()
    assert 0 <= heights.min() <= heights.max() <= 1

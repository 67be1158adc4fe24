"""k-means, Gaussian mixture, multi-Otsu and graph-based segmentation by hand."""

import itertools
import sys
import warnings

import numpy as np
import pytest
import skimage.segmentation
from skimage import data
from skimage.filters import threshold_multiotsu
from sklearn.mixture import GaussianMixture

from napari_mmtseg.baselines import (
    _felzenszwalb,
    _scikit_learn,
    felzenszwalb,
    gaussian_mixture,
    kmeans,
    multi_otsu,
)
from napari_mmtseg.baselines._pixels import Pixels, number_clusters


def test_kmeans_by_hand():
    # Values 0, 1, 9, 10 in equal parts: two classes split between 1 and 9, and three
    # keep one of the pairs together.
    image = np.repeat([0, 1, 9, 10], 16).reshape(8, 8).astype(np.uint8)
    expected = np.repeat([1, 1, 2, 2], 16).reshape(8, 8)
    np.testing.assert_array_equal(kmeans(image, n_labels=2), expected)
    assert kmeans(image).max() == 4
    with pytest.warns(UserWarning, match="only 4 of the 5"):
        kmeans(image, n_labels=5)


def test_kmeans_finds_rare_values_that_the_sample_misses(monkeypatch):
    monkeypatch.setattr(_scikit_learn, "N_SAMPLES", 20)
    image = np.zeros((40, 40), np.uint8)
    image[3, 4], image[30, 20] = 100, 200
    labels = kmeans(image, n_labels=3)
    assert (labels[3, 4], labels[30, 20], labels[0, 0]) == (2, 3, 1)


def test_kmeans_of_a_sample_is_as_good_as_of_all_pixels(monkeypatch):
    image = data.coffee()[::4, ::4]

    def spread(labels):
        groups = [image[labels == k].astype(float) for k in np.unique(labels)]
        return sum(((g - g.mean(0)) ** 2).sum() for g in groups)

    full = spread(kmeans(image))
    monkeypatch.setattr(_scikit_learn, "N_SAMPLES", 2000)
    assert spread(kmeans(image)) < 1.03 * full


def test_gaussian_mixture_by_hand():
    # A narrow Gaussian at 0 and a wide one at 4. Half-way between, at 1 to 2, k-means
    # says narrow; ten standard deviations say otherwise.
    rng = np.random.default_rng(0)
    narrow, wide = rng.normal(0, 0.1, (40, 20)), rng.normal(4, 1, (40, 20))
    image = np.hstack([narrow, wide])
    between = (image > 1) & (image < 1.9)
    assert between.sum() > 5
    assert (gaussian_mixture(image, n_labels=2)[between] == 2).all()
    assert (kmeans(image, n_labels=2)[between] == 1).all()


@pytest.mark.filterwarnings("ignore:1 single pixels")
def test_gaussian_mixture_fills_up_empty_components():
    # One value apart from a flat ramp: components without a pixel of their own occur.
    image = np.tile(np.arange(16, dtype=np.uint8), (16, 1))
    image[0, 0] = 255
    for n in range(2, 10):
        assert gaussian_mixture(image, n_labels=n).max() == n


def least_variance(values, n_classes):
    """Try all thresholds."""
    distinct = np.unique(values)
    best = np.inf
    for cut in itertools.combinations(distinct[1:], n_classes - 1):
        groups = np.digitize(values, cut)
        parts = [values[groups == g] for g in range(n_classes)]
        best = min(best, sum(((p - p.mean()) ** 2).sum() for p in parts))
    return best


@pytest.mark.parametrize("n_labels", [2, 3, 4])
def test_multi_otsu_has_the_least_variance(n_labels):
    image = np.random.default_rng(1).choice([0, 10, 60, 61, 90, 200, 255], (16, 16))
    labels = multi_otsu(image.astype(np.uint8), n_labels=n_labels)
    parts = [image[labels == k].astype(float) for k in range(1, n_labels + 1)]
    found = sum(((p - p.mean()) ** 2).sum() for p in parts)
    assert found == pytest.approx(least_variance(image.astype(float), n_labels))


@pytest.mark.parametrize("n_labels", [2, 3, 4])
def test_multi_otsu_is_that_of_scikit_image(n_labels):
    image = data.camera()[::2, ::2]
    image[:1, :2] = 0, 255  # the whole range, so that the bins are the values
    expected = 1 + np.digitize(image, threshold_multiotsu(image, n_labels), right=True)
    np.testing.assert_array_equal(multi_otsu(image, n_labels=n_labels), expected)


def test_many_classes_are_intervals_of_the_intensity():
    image = data.camera()[::4, ::4]
    labels = multi_otsu(image, n_labels=12)
    ends = [(image[labels == k].min(), image[labels == k].max()) for k in range(1, 13)]
    assert all(a[1] < b[0] for a, b in itertools.pairwise(ends))


def test_felzenszwalb_without_n_labels_has_the_regions_of_scikit_image():
    image = data.coffee()[::4, ::4]
    regions = skimage.segmentation.felzenszwalb(
        image, scale=200, sigma=0.5, min_size=20
    )
    labels = felzenszwalb(image, scale=200, sigma=0.5, min_size=20)
    assert labels.max() == regions.max() + 1
    pairs = np.unique(np.stack([labels.ravel(), regions.ravel()]), axis=1)
    assert pairs.shape[1] == labels.max()


def test_felzenszwalb_groups_regions_that_look_alike():
    image = np.zeros((30, 50), np.uint8)
    image[5:25, 5:20] = image[5:25, 30:45] = 200
    assert felzenszwalb(image, sigma=0, min_size=5, scale=1).max() == 3
    labels = felzenszwalb(image, sigma=0, min_size=5, scale=1, n_labels=2)
    np.testing.assert_array_equal(labels, 1 + (image > 0))


def test_clusters_are_numbered_and_merged_by_hand():
    image = np.array([[0, 10, 100, 110]], float).repeat(8, 0).repeat(2, 1)
    pixels = Pixels.of(image[np.newaxis])
    clusters = np.array([7, 2, 5, 0])[np.newaxis].repeat(8, 0).repeat(2, 1)
    row = number_clusters(clusters, pixels)[0, ::2].tolist()
    assert row == [1, 2, 3, 4]
    row = number_clusters(clusters, pixels, 2)[0, ::2].tolist()
    assert row == [1, 1, 2, 2]


@pytest.mark.parametrize("method", [felzenszwalb, gaussian_mixture])
def test_filters_of_warnings_are_left_alone(method, monkeypatch):
    # They are the whole process's, and a method may run in one of several threads.
    # scikit-image warns of five channels, scikit-learn of a fit cut short.
    image = np.random.default_rng(0).random((60, 60, 5))
    global_state = []

    def look(*_args, **_kwargs):
        state = warnings.filters, list(warnings.filters), warnings.showwarning
        global_state.append(state)

    def looked(f):
        return lambda *args, **kwargs: (look(), f(*args, **kwargs))[1]

    def refuse(*args, catch_warnings=warnings.catch_warnings, **kwargs):
        # scikit-learn itself has short blocks of this kind where it checks arrays.
        caller = sys._getframe(1).f_globals["__name__"]
        assert not caller.startswith("napari_mmtseg")
        return catch_warnings(*args, **kwargs)

    look()
    with monkeypatch.context() as patch:
        patch.setattr(_felzenszwalb, "graph_based", looked(_felzenszwalb.graph_based))
        patch.setattr(GaussianMixture, "fit", looked(GaussianMixture.fit))
        patch.setitem(GaussianMixture.__init__.__kwdefaults__, "max_iter", 1)
        patch.setattr(warnings, "catch_warnings", refuse)
        method(image, channel_axis=-1)
    look()
    before, *later = global_state
    assert len(later) > 1
    for filters, contents, show in later:
        assert filters is before[0]
        assert (contents, show) == before[1:]

import numpy as np
import pytest

from napari_mmtseg.region_labels import label_regions, region_means


@pytest.fixture(scope="module")
def scene():
    """Sky left and right of a tower, ground below; responses one per material."""
    material = np.zeros((60, 80), int)
    material[40:] = 1
    material[5:50, 35:45] = 2
    rng = np.random.default_rng(0)
    image = np.array([0.9, 0.2, -1.0])[material] + rng.normal(0, 0.02, material.shape)
    response = (material == np.arange(3)[:, np.newaxis, np.newaxis]) * 0.9 + 0.05
    return material, image[np.newaxis].astype(np.float32), response.astype(np.float32)


def agreement(labels, truth):
    pairs = set(zip(labels.ravel().tolist(), truth.ravel().tolist(), strict=True))
    table = [
        max((labels == k)[truth == t].sum() for k, u in pairs if u == t)
        for t in np.unique(truth)
    ]
    return sum(table) / truth.size


def test_regions_that_look_alike_share_a_class(scene):
    material, image, response = scene
    image = image.copy()
    found = label_regions(image, response, threshold=0.3)
    assert found.classes.max() == 3
    assert agreement(found.classes, material) > 0.97
    # Dark to bright: tower, ground, sky.
    assert found.classes[20, 40] == 1
    assert found.classes[55, 5] == 2
    assert found.classes[3, 3] == 3


def test_an_exact_number_is_kept(scene):
    _, image, response = scene
    for k in (1, 2, 3, 7, 12):
        found = label_regions(image, response, 0.3, n_labels=k)
        assert len(np.unique(found.classes)) == k == len(found.profiles)


def test_profiles_bring_the_classes_to_another_image(scene):
    _, image, response = scene
    found = label_regions(image, response, 0.3)
    flipped = label_regions(
        image[:, ::-1, ::-1].copy(),
        response[:, ::-1, ::-1].copy(),
        0.3,
        profiles=found.profiles,
    )
    back = flipped.classes[::-1, ::-1]
    assert (back == found.classes).mean() > 0.97
    again = label_regions(image, response, 0.3, profiles=found.profiles)
    np.testing.assert_array_equal(again.classes, found.classes)


def test_a_lower_threshold_gives_more_regions(scene):
    _, image, response = scene
    numbers = [label_regions(image, response, t).n_regions for t in (0, 0.2, 0.5, 1)]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] == 1


def test_an_image_without_edges_is_one_region():
    flat = np.zeros((1, 20, 20), np.float32)
    found = label_regions(flat, np.ones((3, 20, 20), np.float32) / 3, 0.5)
    assert (found.classes == 1).all()
    assert found.n_regions == 1


def test_means_over_regions_stop_at_edges(scene):
    material, image, _ = scene
    noise = np.random.default_rng(1).normal(size=(2, *material.shape))
    noisy = (noise * 0.3 + np.array([[[1]], [[-1]]]) * (material == 2)).astype("f4")
    (averaged,) = region_means(image, noisy)
    assert averaged.shape == noisy.shape
    assert averaged[0][material == 2].mean() > 0.9
    assert averaged[0][material != 2].std() < 0.1

import numpy as np
import pytest

from napari_mmtseg.labels.region_finding import find_regions, region_means


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


def classes_of(image, response, threshold, n_labels=None):
    regions, alike = find_regions(image, response, threshold, n_labels or 1)
    groups = alike.groups(n_labels or alike.automatic)
    return groups[regions] + 1, alike


def test_regions_that_look_alike_share_a_class(scene):
    material, image, response = scene
    classes, _ = classes_of(image.copy(), response, 0.5)
    assert classes.max() == 3
    assert agreement(classes, material) > 0.97
    # Dark to bright: tower, ground, sky.
    assert classes[20, 40] == 1
    assert classes[55, 5] == 2
    assert classes[3, 3] == 3


def test_an_exact_number_is_kept(scene):
    _, image, response = scene
    for k in (1, 2, 3, 7, 12):
        classes, alike = classes_of(image, response, 0.3, k)
        assert len(np.unique(classes)) == k == len(alike.profiles(k))


def test_profiles_bring_the_classes_to_another_image(scene):
    _, image, response = scene
    classes, known = classes_of(image, response, 0.5)
    flipped = np.ascontiguousarray(image[:, ::-1, ::-1])
    mirrored = np.ascontiguousarray(response[:, ::-1, ::-1])
    regions, other = find_regions(flipped, mirrored, 0.5)
    back = (known.nearest(other, 3) + 1)[regions][::-1, ::-1]
    assert (back == classes).mean() > 0.97
    regions, again = find_regions(image, response, 0.5)
    np.testing.assert_array_equal(known.nearest(again, 3)[regions] + 1, classes)


def test_a_table_holds_the_classes_of_every_number(scene, monkeypatch):
    _, image, response = scene
    monkeypatch.setattr("napari_mmtseg.labels.region_classes._LEVELS", 5)
    _, alike = find_regions(image, response, 0)
    assert alike.n_regions > 20
    assert len(alike.table()) == max(5, alike.automatic)
    assert len(alike.table(at_least=20)) == 20
    for k, row in enumerate(alike.table(), start=1):
        np.testing.assert_array_equal(row, alike.groups(k))


def test_a_lower_threshold_gives_more_regions(scene):
    _, image, response = scene
    numbers = [find_regions(image, response, t)[1].n_regions for t in (0, 0.2, 0.5, 1)]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] == 1


def test_an_image_without_edges_is_one_region():
    flat = np.zeros((1, 20, 20), np.float32)
    classes, alike = classes_of(flat, np.ones((3, 20, 20), np.float32) / 3, 0.5)
    assert (classes == 1).all()
    assert alike.n_regions == 1


def test_means_over_regions_stop_at_edges(scene):
    material, image, _ = scene
    noise = np.random.default_rng(1).normal(size=(2, *material.shape))
    noisy = (noise * 0.3 + np.array([[[1]], [[-1]]]) * (material == 2)).astype("f4")
    (averaged,) = region_means(image, noisy)
    assert averaged.shape == noisy.shape
    assert averaged[0][material == 2].mean() > 0.9
    assert averaged[0][material != 2].std() < 0.1

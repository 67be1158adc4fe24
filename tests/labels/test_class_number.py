import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_mmtseg.labels.class_number import count_classes, shows_nothing

SIDE = 96


def areas(*levels, noise=0.1, seed=0):
    """Upright stripes of some levels with noise, and five clusters of each level."""
    rng = np.random.default_rng(seed)
    stripes = np.arange(SIDE) * len(levels) // SIDE
    image = np.array(levels, float)[np.tile(stripes, (SIDE, 1))]
    image += noise * gaussian_filter(rng.normal(size=image.shape), 1) / 0.28
    edges = np.quantile(image, np.linspace(0, 1, 5 * len(levels) + 1)[1:-1])
    return np.digitize(image, edges), image[np.newaxis].astype(np.float32)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_as_many_classes_as_levels(n):
    clusters, image = areas(*range(n))
    assert count_classes([clusters], [image], 0.5) == n


def test_a_shell_of_brightness_is_no_class():
    y, x = np.mgrid[:SIDE, :SIDE] % 32 - 16
    # Nuclei that are brightest in their middle.
    inside = np.hypot(y, x) < 14
    image = np.where(inside, 1 - 0.6 * (y**2 + x**2) / 14**2, 0)
    image += 0.02 * np.random.default_rng(0).normal(size=image.shape)
    clusters = np.digitize(image, np.linspace(0.05, 1, 8))
    assert count_classes([clusters], [image[np.newaxis].astype(np.float32)], 0.5) == 2


def test_several_images_are_counted_together():
    pairs = [areas(0.0), areas(1.0)]
    clusters = [c + 5 * i for i, (c, _) in enumerate(pairs)]
    images = [image for _, image in pairs]
    assert count_classes(clusters, images, 0.5) == 2


def test_a_few_pixels_are_no_class():
    clusters, image = areas(0.0, 1.0)
    image[0, :8, :12] = 5  # one hundredth
    clusters[:8, :12] = 10
    assert count_classes([clusters], [image], 0.5) == 2


def test_the_threshold_says_how_deep_a_valley_is():
    clusters, image = areas(0.0, 0.35)
    assert count_classes([clusters], [image], 0.0) == 1
    assert count_classes([clusters], [image], 0.95) >= 2
    assert count_classes([clusters], [image], 1.0) == 10


def noise(side, seed=0):
    return np.random.default_rng(seed).normal(size=(1, side, side)).astype(np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_noise_shows_nothing(seed):
    assert shows_nothing(noise(SIDE, seed))
    assert shows_nothing(np.concatenate([noise(SIDE, seed), noise(SIDE, seed + 50)]))


def test_a_flat_image_shows_nothing():
    assert shows_nothing(np.full((1, SIDE, SIDE), 3.0, np.float32))


def test_faint_and_textured_images_show_something():
    image = noise(SIDE)
    image[:, :, SIDE // 2 :] += 0.5
    assert not shows_nothing(image)
    image = noise(SIDE)
    image[:, :, SIDE // 2 :] *= 2
    assert not shows_nothing(image)
    assert not shows_nothing(np.eye(16, dtype=np.float32)[np.newaxis])
    volume = np.stack([areas(0, 1)[1][0]] * 4)
    assert not shows_nothing(volume[np.newaxis])

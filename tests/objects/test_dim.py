"""Objects that are too dim for their class, and where they end."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_mmtseg import find_objects
from napari_mmtseg.objects import find
from napari_mmtseg.objects.tiles import TILE
from tests.objects.discs import balls

BRIGHT, DIM = balls((60, 90), [(30, 25)], 12), balls((60, 90), [(30, 65)], 12)
NOISE = np.random.default_rng(0).normal(size=BRIGHT.shape)
IMAGE = 20 + gaussian_filter(100.0 * BRIGHT + 30.0 * DIM, 1.5) + 0.3 * NOISE
CLASSES = np.where(IMAGE > 70, 2, 1)
"""The dim disc belongs to the background."""


def test_a_dim_object_ends_at_half_of_its_own_height():
    found = find_objects(CLASSES, IMAGE)
    assert found.classes.tolist() == [0, 2, 2]
    sizes = np.bincount(found.labels.ravel())[1:]
    np.testing.assert_allclose(sizes, [BRIGHT.sum(), DIM.sum()], rtol=0.05)
    assert (found.labels == 2)[DIM].mean() > 0.95


def test_dark_objects_are_found_like_bright_ones():
    bright, dark = find_objects(CLASSES, IMAGE), find_objects(3 - CLASSES, -IMAGE)
    np.testing.assert_array_equal(bright.labels, dark.labels)


@pytest.mark.parametrize(
    "options",
    [{"dim_objects": False}, {"classes": [2]}, {"foreground": "bright"}],
)
def test_classes_that_are_chosen_stay_what_they_are(options):
    found = find_objects(CLASSES, IMAGE, **options)
    assert found.n_objects == 1
    assert not found.labels[CLASSES == 1].any()


def test_without_an_image_there_are_the_classes_alone():
    assert find_objects(CLASSES).n_objects == 1


def test_noise_is_no_object():
    image = 20 + 100.0 * BRIGHT + 5 * NOISE
    found = find_objects(1 + BRIGHT, image)
    assert found.n_objects == 1


def test_a_dim_object_has_the_class_most_like_the_background():
    classes = np.where(IMAGE > 70, 3, 1)
    classes[5:9, 5:9] = 2
    image = IMAGE + 60.0 * (classes == 2)
    found = find_objects(classes, image, smallest_object=0)
    assert found.classes[found.labels[30, 65]] == 2
    assert found.classes[found.labels[30, 25]] == 3


def test_tiles_have_one_measure(monkeypatch):
    monkeypatch.setattr(find, "TILE", 20)
    tiled = find_objects(CLASSES, IMAGE)
    monkeypatch.setattr(find, "TILE", TILE)
    assert tiled.n_objects == find_objects(CLASSES, IMAGE).n_objects == 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("dtype", "largest"), [(np.float32, 3e38), (np.float64, 1e308), (np.float16, 6e4)]
)
def test_enormous_values_are_the_brightest(dtype, largest):
    image = IMAGE.astype(dtype)
    image[BRIGHT] = largest
    found = find_objects(CLASSES, image)
    assert found.labels[30, 25]
    assert not found.labels[5, 5]
    image[0, 0] = -largest
    assert find_objects(CLASSES, image).labels[30, 25]

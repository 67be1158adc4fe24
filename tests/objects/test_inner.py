"""Objects inside one large thing, as nuclei inside an embryo."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_mmtseg import find_objects
from napari_mmtseg.objects import find
from tests.objects.discs import balls

SHAPE = (160, 220)
EMBRYO = balls(SHAPE, [(80, 110)], 70)
PLACES = [
    (y, x)
    for y in range(20, 150, 16)
    for x in range(50, 180, 16)
    if np.hypot(y - 80, x - 110) < 58
]
NUCLEI = balls(SHAPE, PLACES, 5)
NOISE = np.random.default_rng(0).normal(size=SHAPE)
IMAGE = gaussian_filter(40.0 * EMBRYO + 80.0 * NUCLEI, 1) + NOISE
CLASSES = np.where(EMBRYO, 2, 1)


def assert_nuclei(found):
    assert found.n_objects == len(PLACES)
    inside = found.labels > 0
    assert (inside & NUCLEI).sum() / (inside | NUCLEI).sum() > 0.8


def test_many_inside_one():
    assert_nuclei(find_objects(CLASSES, IMAGE))


def test_dark_ones():
    assert_nuclei(find_objects(3 - CLASSES, -IMAGE))


def test_the_size_that_is_given_decides():
    assert_nuclei(find_objects(CLASSES, IMAGE, object_size=10))
    assert find_objects(CLASSES, IMAGE, object_size=120).n_objects == 1


@pytest.mark.parametrize("options", [{"dim_objects": False}, {"classes": [2]}])
def test_classes_that_are_chosen_stay_what_they_are(options):
    assert find_objects(CLASSES, IMAGE, **options).n_objects == 1


def test_texture_is_no_object():
    grains = gaussian_filter(NOISE, 2)
    image = EMBRYO * (100 + 15 * grains / grains.std())
    assert find_objects(CLASSES, image).n_objects == 1


def test_tiles_find_the_same(monkeypatch):
    monkeypatch.setattr(find, "TILE", 60)
    assert_nuclei(find_objects(CLASSES, IMAGE))


def test_through_slices():
    shape = (24, 96, 96)
    places = [
        (z, y, x)
        for z in (4, 12, 20)
        for y in range(14, 90, 12)
        for x in range(14, 90, 12)
    ]
    tissue = np.zeros(shape, bool)
    tissue[:, 8:88, 8:88] = True
    image = gaussian_filter(40.0 * tissue + 120.0 * balls(shape, places, 3), 0.7)
    found = find_objects(1 + tissue, image, volumes=True)
    assert found.n_objects == len(places)

import numpy as np
import pytest

from napari_mmtseg.labels.border_probability import (
    CONSTANT,
    DETAIL,
    LENGTH,
    SIZE,
    VALUES,
    WEIGHTS,
    BorderProbability,
    RegionCues,
)
from napari_mmtseg.labels.region_merging import RegionMerging

SHAPE = {SIZE: 0.0, LENGTH: 0.0, CONSTANT: 0.0}


def halves(left, right, noise=0.0, shape=(40, 40)):
    """Return a grey image of two halves, and four quarters as regions."""
    rng = np.random.default_rng(0)
    image = np.full(shape, float(left))
    image[:, shape[1] // 2 :] = right
    image += noise * rng.normal(size=shape)
    image = (image - image.mean()) / max(image.std(), 1e-6)
    regions = np.zeros(shape, np.int64)
    regions[shape[0] // 2 :] += 1
    regions[:, shape[1] // 2 :] += 2
    return image[np.newaxis].astype(np.float32), regions


def probabilities(image, regions, weights):
    """Return the probability for every pair of neighbours."""
    cues = RegionCues.measure(image, regions)
    borders = cues.borders
    found = BorderProbability(cues, weights).of(borders)
    pairs = zip(borders.first.tolist(), borders.second.tolist(), strict=True)
    return dict(zip(pairs, found.tolist(), strict=True))


def test_the_logarithm_of_the_odds_by_hand():
    image, regions = halves(0, 1)
    found = probabilities(image, regions, {SIZE: 2.0, LENGTH: 3.0, CONSTANT: 0.5})
    # Quarters of 20 x 20 pixels: a b / (a + b) / N = 1/8; 20 pixels along each border.
    odds = 2 * 0.5 * np.log(1 / 8) + 3 * np.log(20 / 20) + 0.5
    assert set(found) == {(0, 1), (2, 3), (0, 2), (1, 3)}
    assert list(found.values()) == pytest.approx([1 / (1 + np.exp(-odds))] * 4)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_border_is_seen_where_values_differ(weights):
    found = probabilities(*halves(0, 1, noise=0.05), weights)
    assert min(found[0, 2], found[1, 3]) > 0.5 > max(found[0, 1], found[2, 3])


def test_a_border_is_seen_where_detail_differs():
    rng = np.random.default_rng(1)
    image, regions = halves(0, 0)
    image[:, :, 20:] += 0.8 * rng.normal(size=(40, 20))
    found = probabilities(image, regions, {**SHAPE, DETAIL: 1.0})
    assert min(found[0, 2], found[1, 3]) > 3 * max(found[0, 1], found[2, 3])


def test_joined_regions_are_as_if_measured_together():
    image, regions = halves(0, 1, noise=0.3)
    cues = RegionCues.measure(image, regions)
    apart = BorderProbability(cues, WEIGHTS[0])
    apart.join(np.array([0]), np.array([1]))
    target = np.array([0, 0, 2, 3])
    joined = apart.of(cues.borders.joined(target, 4))
    names = np.array([0, 0, 1, 2])
    again = RegionCues.measure(image, names[regions])
    measured = BorderProbability(again, WEIGHTS[0]).of(again.borders)
    np.testing.assert_allclose(np.sort(joined), np.sort(measured), rtol=1e-6)
    assert cues.values[VALUES].sizes.tolist() == [400] * 4  # as before


@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_flat_image_has_probabilities(weights):
    image, regions = halves(0, 0)
    cues = RegionCues.measure(0 * image, regions)
    heights = RegionMerging(4, cues.borders, BorderProbability(cues, weights)).heights
    assert ((heights >= 0) & (heights < 0.05)).all()

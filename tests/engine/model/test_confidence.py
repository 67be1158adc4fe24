"""Confidence is that of the less sure teacher."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skimage import data

import napari_mmtseg as mm
from napari_mmtseg.engine.model import consensus
from napari_mmtseg.engine.model.confidence import (
    agreement,
    class_confidence,
    region_agreement,
)
from napari_mmtseg.engine.model.inference import Inference
from napari_mmtseg.images.texture import Texture
from napari_mmtseg.images.tiles import tiles

QUICK = {"n_steps": 6, "warm_start_steps": 3, "max_labels": 8, "precision": "float32"}


def teachers(*probabilities, shape=(9, 11)):
    """Probabilities (n, q, Y, X) of teachers who say the same everywhere."""
    each = np.array(probabilities, np.float32)[:, :, np.newaxis, np.newaxis]
    return np.broadcast_to(each, (*each.shape[:2], *shape)).copy()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((1, 0), (1, 0), 1),  # agree and are sure
        ((1, 0), (0, 1), 0),  # disagree
        ((0.5, 0.5), (0.5, 0.5), 0.5),  # agree, but do not know
        ((0.9, 0.1), (0.6, 0.4), 0.6),  # one is less sure
    ],
)
def test_confidence_is_that_of_the_less_sure_teacher(first, second, expected):
    classes = np.zeros((9, 11), int)
    confidence = agreement(teachers(first, second), classes)
    assert confidence.dtype == np.float32
    np.testing.assert_allclose(confidence, expected, atol=1e-6)


def test_confidence_is_in_the_class_that_a_pixel_has():
    classes = np.tile([0, 1, 1], (9, 1))
    probabilities = teachers((0.7, 0.3), (0.8, 0.2), shape=(9, 3))
    expected = np.tile([0.7, 0.2, 0.2], (9, 1))
    np.testing.assert_allclose(agreement(probabilities, classes), expected, atol=1e-6)


def test_a_pixel_unlike_all_around_it_is_doubted():
    probabilities = teachers((1, 0), (1, 0), shape=(21, 21))
    probabilities[:, :, 10, 10] = (0, 1)
    classes = np.zeros((21, 21), int)
    classes[10, 10] = 1
    confidence = agreement(probabilities, classes)
    # The middle of a Gaussian of two pixels, 1 / (2 pi 2^2).
    assert confidence[10, 10] == pytest.approx(0.0398, abs=1e-3)
    assert confidence[10, 11] == pytest.approx(1 - 0.0351, abs=1e-3)
    assert confidence[0, 0] == pytest.approx(1, abs=1e-6)


def test_confidence_at_a_straight_border():
    probabilities = np.zeros((2, 2, 20, 40), np.float32)
    probabilities[:, 0, :, :20] = probabilities[:, 1, :, 20:] = 1
    classes = np.repeat([0, 1], 20)[np.newaxis].repeat(20, 0)
    row = agreement(probabilities, classes)[10]
    np.testing.assert_allclose(row, row[::-1], atol=1e-6)
    # The share of the Gaussian on one side: half, and half of the pixel in its middle.
    assert row[19] == pytest.approx(0.5 + 0.1995 / 2, abs=1e-3)
    assert row[0] == 1


def test_regions_are_as_sure_as_their_class_is_near():
    profiles = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 4.0]])
    classes = np.array([0, 0, 0, 1])
    first = np.array([[0.0, 0.0], [0.2, 0.0], [0.0, 0.0], [0.5, 0.0]])
    second = np.array([[0.0, 0.0], [0.2, 0.0], [0.9, 0.0], [1.0, 0.0]])
    confidence = region_agreement(np.stack([first, second]), profiles, classes)
    # Both at the profile; 0.2 from it and 0.8 from the next; one of them elsewhere;
    # one of them in between.
    np.testing.assert_allclose(confidence, [1, 0.75, 0, 0])


def test_regions_with_one_class_or_classes_with_one_profile():
    means = np.ones((2, 3, 2))
    zeros = np.zeros(3, int)
    np.testing.assert_array_equal(region_agreement(means, np.zeros((1, 2)), zeros), 1)
    np.testing.assert_array_equal(region_agreement(means, np.ones((2, 2)), zeros), 0)


@pytest.mark.parametrize(("second", "expected"), [((0.75, 0.25, 0), 1), ((0, 0, 1), 0)])
def test_channels_of_one_class_are_added_up(second, expected):
    """Teachers may disagree on channels if these are of one class."""

    def each(part):
        return teachers((0.25, 0.75, 0), second, shape=part.shape[1:])

    stub = SimpleNamespace(
        each=each, tiles=lambda shape, halo: list(tiles(shape, 16, halo))
    )
    same = SimpleNamespace(apply=lambda part: part)
    inference = Inference(stub, same, Texture.fit([], 0, 1))
    steps = class_confidence(inference, np.zeros((1, 20, 30)), np.array([0, 0, 1]))
    fractions = []
    while True:
        try:
            fractions.append(next(steps))
        except StopIteration as end:
            confidence = end.value
            break
    assert fractions == sorted(fractions)
    assert len(fractions) == 4
    assert fractions[-1] == 1
    assert confidence.shape == (20, 30)
    np.testing.assert_allclose(confidence, expected, atol=1e-6)


@pytest.fixture(scope="module")
def image():
    return data.coins()[60:160, 20:140]


@pytest.fixture(
    scope="module", params=[{}, {"merging": "regions"}, {"texture": 0.5}], ids=str
)
def model(request, image):
    return mm.fit(image, **QUICK, **request.param)


def test_tiled_equals_whole(image, model, monkeypatch, tmp_path):
    model.save(tmp_path / "copy.safetensors")
    model = mm.load_model(tmp_path / "copy.safetensors")
    # In float32 a pixel between two classes could go either way by rounding alone.
    model.inference.consensus.to(torch.float64)
    whole = model.confidence(image, 3)
    assert whole.shape == image.shape
    assert whole.dtype == np.float32
    assert whole.min() >= 0
    assert whole.max() <= 1
    assert np.ptp(whole) > 0
    monkeypatch.setattr(consensus, "_TILE_VALUES", 1)  # 64 x 64 tiles
    np.testing.assert_allclose(model.confidence(image, 3), whole, atol=1e-6)


def test_one_class_is_certain(image, model):
    np.testing.assert_allclose(model.confidence(image, 1), 1, atol=1e-5)


def test_merged_regions_have_one_value_each(image, model):
    regions = model.labels(image, output="regions", merging="regions")
    confidence = model.confidence(image, merging="regions")
    for number in np.unique(regions):
        assert np.ptp(confidence[regions == number]) == 0


def test_confidence_survives_the_file(image, model, tmp_path):
    model.save(tmp_path / "model.safetensors")
    loaded = mm.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.confidence(image), model.confidence(image))


def test_a_large_image_is_confident_in_its_own_size(image, model, monkeypatch):
    monkeypatch.setattr("napari_mmtseg.engine.model.image_view._REGIONS_SIZE", 60)
    assert model.confidence(image).shape == image.shape


def test_what_does_not_fit_is_refused_at_once(image, model):
    with pytest.raises(mm.InputError, match="fitted on 1"):
        model.iter_confidence(np.stack([image] * 3, -1))
    with pytest.raises(mm.InputError, match="n_labels=0"):
        model.iter_confidence(image, 0)


def test_noise_makes_less_certain(image):
    model = mm.fit(image, n_labels=2, **QUICK)
    noise = np.random.default_rng(0).normal(0, 40, image.shape)
    assert model.confidence(image + noise).mean() < model.confidence(image).mean()

"""Labels without a setting: even light, the number of classes, stains."""

import numpy as np
import pytest
from benchmarks.measures import mean_iou
from benchmarks.scripted_images import uneven_light
from scipy.ndimage import gaussian_filter
from skimage import data

import napari_mmtseg as mm
from napari_mmtseg.images.stack import ImageStack

QUICK = {"n_steps": 8, "warm_start_steps": 6, "working_size": 96}


def particles(side=128, seed=0):
    """Particles on a background, uint8, and where they are."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=(side, side)), 5)
    inside = field > np.quantile(field, 0.75)
    image = np.where(inside, 125, 75) + rng.normal(0, 4, inside.shape)
    return image.round().astype(np.uint8), inside


@pytest.fixture(scope="module")
def lit():
    image, truth = particles()
    return uneven_light(image), truth


def score(labels, truth):
    return mean_iou(labels, truth.astype(int))


def test_light_is_no_class(lit):
    image, truth = lit
    result = mm.iter_segment(image, **QUICK)
    labels = drained(result)
    assert labels.n_labels == 2
    assert score(labels.labels, truth) > 0.9
    assert labels.illumination == "divide"
    assert labels.notes == "Uneven light was divided out."
    blind = mm.segment(image, illumination="off", n_labels=2, **QUICK)
    assert score(blind, truth) < score(labels.labels, truth) - 0.05


@pytest.mark.parametrize("hue", [(1, 1, 1), (0, 1, 0)])
def test_light_is_no_class_in_grey_values_saved_as_rgb(lit, hue):
    image, truth = lit
    rgb = np.multiply.outer(image, hue).astype(np.uint8)
    result = drained(mm.iter_segment(rgb, **QUICK))
    assert (result.n_labels, result.illumination) == (2, "divide")
    assert score(result.labels, truth) > 0.9


def drained(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_even_light_is_said_to_be_even():
    result = drained(mm.iter_segment(particles()[0], **QUICK))
    assert (result.illumination, result.notes) == ("none", "")


def test_a_model_takes_out_the_light_of_each_image(lit, tmp_path):
    image, _ = lit
    model = mm.fit(image, n_labels=2, **QUICK)
    model.save(tmp_path / "m.safetensors")
    again = mm.load_model(tmp_path / "m.safetensors")
    assert again.inference.illumination == model.inference.illumination
    np.testing.assert_array_equal(again.predict(image), model.predict(image))
    other, there = particles(seed=1)
    for turned in (other, uneven_light(other)[::-1], uneven_light(other)):
        where = there[::-1] if turned.strides[0] < 0 else there
        assert score(again.predict(np.ascontiguousarray(turned)), where) > 0.9


def test_slices_of_a_stack_share_their_light():
    pairs = [particles(seed=seed) for seed in range(3)]
    stack = np.stack([uneven_light(image) for image, _ in pairs])
    truth = np.stack([inside for _, inside in pairs])
    model = mm.fit(stack, axes="ZYX", n_labels=2, **QUICK)
    assert model.inference.illumination.kind == "divide"
    assert not model.inference.illumination.each
    labels = mm.segment(stack, axes="ZYX", n_labels=2, **QUICK)
    assert score(labels, truth) > 0.9
    np.testing.assert_array_equal(model.predict(stack, axes="ZYX"), labels)


def test_scribbles_on_a_stack_go_on_from_a_model_under_uneven_light():
    pairs = [particles(seed=seed) for seed in range(2)]
    stack = np.stack([uneven_light(image) for image, _ in pairs])
    truth = np.stack([inside for _, inside in pairs])
    painted = np.zeros(stack.shape, int)
    for value in (1, 2):
        at = np.argwhere(truth[0] == value - 1)[:: 40 * value]
        painted[0][tuple(at.T)] = value
    model = mm.fit(stack, axes="ZYX", scribbles=painted, **QUICK)
    labels = mm.segment(stack, axes="ZYX", scribbles=painted, model=model, **QUICK)
    assert score(labels, truth) > 0.85
    assert model.inference.illumination.kind == "divide"


def test_a_large_image_is_evened_piece_by_piece(monkeypatch):
    monkeypatch.setattr("napari_mmtseg.images.stack.LARGE", 2**14)
    image, truth = particles(256)
    image = uneven_light(image)
    settings = {**QUICK, "crop_size": 96, "n_labels": 2}
    labels = mm.segment(image, **settings)
    assert score(labels, truth) > 0.9
    np.testing.assert_array_equal(mm.segment(image, tile_size=64, **settings), labels)
    model = mm.fit(image, **settings)
    window = (slice(30, 200), slice(10, 90))
    part = model.predict_window(ImageStack.of(image).first, window)
    np.testing.assert_array_equal(part, labels[window])


@pytest.mark.parametrize("method", ["divide", "subtract"])
def test_what_is_asked_for_is_done(lit, method):
    result = drained(mm.iter_segment(lit[0], illumination=method, **QUICK))
    assert result.illumination == method


def test_coins_are_two_classes():
    labels = mm.segment(data.coins(), **QUICK)
    assert len(np.unique(labels)) == 2


def test_tissue_is_brown_blue_and_white():
    image = data.immunohistochemistry()[:320, 160:480]
    labels = mm.segment(image)
    assert len(np.unique(labels)) == 3
    colours = [image[labels == label].mean(0) for label in (1, 2, 3)]
    brown = int(np.argmax([red - blue for red, _, blue in colours]))
    white = int(np.argmax([colour.sum() for colour in colours]))
    assert brown != white
    (rest,) = (c for i, c in enumerate(colours) if i not in (brown, white))
    assert rest[0] - rest[2] < (colours[brown][0] - colours[brown][2]) / 2
    assert rest.sum() < 0.9 * colours[white].sum()


@pytest.mark.parametrize("image", ["flat", "noise"])
def test_nothing_to_see_is_one_class_and_a_sentence(image):
    if image == "flat":
        pixels = np.full((64, 64), 7, np.uint8)
    else:
        pixels = np.random.default_rng(0).normal(size=(64, 64))
    with pytest.warns(UserWarning, match="has one. Give a number"):
        labels = mm.segment(pixels, **QUICK)
    assert (labels == 1).all()


def test_noise_is_divided_if_asked_for():
    noise = np.random.default_rng(0).normal(size=(64, 64))
    assert len(np.unique(mm.segment(noise, n_labels=2, **QUICK))) == 2

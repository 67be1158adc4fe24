"""Segmentation of an area: what lies outside is no data."""

import numpy as np
import pytest

import napari_mmtseg as mm
from napari_mmtseg.images.area import fill_outside
from napari_mmtseg.progress import drain
from napari_mmtseg.segmentation.segment import iter_segment

STEPS = {"n_steps": 4, "warm_start_steps": 2, "device": "cpu"}


def two_halves(rng, shape=(48, 64)):
    """Return a dark and a bright half, and a disc in the middle as the area."""
    image = rng.normal(50, 3, shape)
    image[:, shape[1] // 2 :] += 100
    y, x = np.indices(shape)
    return image, (y - 24) ** 2 + (x - 32) ** 2 < 20**2


def test_pixels_outside_are_0_and_tell_nothing():
    image, area = two_halves(np.random.default_rng(0))
    other = np.where(area, image, 1000 * np.random.default_rng(1).random(image.shape))
    labels = mm.segment(image, area=area, **STEPS)
    assert set(labels[area]) == {1, 2}
    assert not labels[~area].any()
    assert ((labels == 1 + (image > 100))[area]).mean() > 0.9
    np.testing.assert_array_equal(labels, mm.segment(other, area=area, **STEPS))


def test_the_class_count_keeps_the_area():
    image, area = two_halves(np.random.default_rng(0))
    result = drain(iter_segment(image, area=area, n_labels=3, **STEPS))
    for n in (1, 2, 3):
        labels = result.hierarchy.labels(n)
        assert not labels[~area].any()
        assert labels[area].all()
    assert result.n_labels == len(np.unique(result.labels[area]))


@pytest.mark.parametrize("stack", ["one_model", "slice_by_slice"])
def test_an_area_of_a_plane_is_that_of_every_slice(stack):
    image, area = two_halves(np.random.default_rng(0))
    labels = mm.segment(
        np.stack([image] * 3), axes="ZYX", area=area, stack=stack, n_labels=2, **STEPS
    )
    assert (labels[:, area] > 0).all()
    assert not labels[:, ~area].any()


def test_every_slice_may_have_its_own_area():
    image, area = two_halves(np.random.default_rng(0))
    areas = np.stack([area, np.zeros_like(area), area])
    for stack in ("one_model", "slice_by_slice"):
        labels = mm.segment(
            np.stack([image] * 3), axes="ZYX", area=areas, stack=stack, **STEPS
        )
        np.testing.assert_array_equal(labels > 0, areas)


def test_regions_end_at_the_border_of_the_area():
    image = np.zeros((32, 48))
    image[12:20] = 1  # one bar, which the area cuts in two
    area = np.ones(image.shape, bool)
    area[:, 20:28] = False
    steps = {"n_steps": 20, "warm_start_steps": 10, "device": "cpu"}
    labels = mm.segment(
        image, area=area, n_labels=2, output="regions", merging="classes", **steps
    )
    assert len(np.unique(labels[area])) == 6
    assert labels[15, 5] != labels[15, 40]


def test_strokes_outside_teach_nothing():
    image, area = two_halves(np.random.default_rng(0))
    scribbles = np.zeros(image.shape, int)
    scribbles[24, 20:26], scribbles[24, 40:46] = 1, 2
    inside = mm.segment(image, area=area, scribbles=scribbles, **STEPS)
    scribbles[0, :5] = 3
    labels = mm.segment(image, area=area, scribbles=scribbles, **STEPS)
    np.testing.assert_array_equal(labels, inside)


@pytest.mark.parametrize("options", [{}, {"background": "darkest"}])
def test_a_model_learns_nothing_from_outside(options):
    image, area = two_halves(np.random.default_rng(0))
    other = np.where(area, image, 1000 * np.random.default_rng(1).random(image.shape))
    options = {**options, "area": area, "n_labels": 2, **STEPS}
    models = [mm.fit(pixels, **options) for pixels in (image, other)]
    labels = [model.predict(image) for model in models]
    np.testing.assert_array_equal(*labels)
    dark = 0 if "background" in options else 1
    assert ((labels[0] == dark + (image > 100))[area]).mean() > 0.9
    assert set(np.unique(labels[0])) == {dark, dark + 1}  # also outside


def test_a_model_of_a_stack_learns_nothing_from_outside():
    image, area = two_halves(np.random.default_rng(0))
    stack = np.stack([image] * 3)
    other = np.where(area, stack, 1000 * np.random.default_rng(1).random(stack.shape))
    options = {"axes": "ZYX", "area": area, "n_labels": 2, **STEPS}
    labels = [mm.fit(i, **options).predict(stack, axes="ZYX") for i in (stack, other)]
    np.testing.assert_array_equal(*labels)


def test_several_images_have_an_area_each_or_one_for_all():
    image, area = two_halves(np.random.default_rng(0))
    noise = 1000 * np.random.default_rng(1).random(image.shape)
    images = [image, np.where(area, image, noise)]
    options = {"n_labels": 2, **STEPS}
    one = mm.fit(images, area=area, **options).predict(image)
    each = mm.fit(images, area=[area, area], **options).predict(image)
    np.testing.assert_array_equal(one, each)
    mm.fit(images, area=[area, None], **options)
    with pytest.raises(mm.InputError, match="3 areas are given for 2 images"):
        mm.fit(images, area=[area] * 3)
    with pytest.raises(mm.InputError, match=r"shape \(48, 64\); the image needs"):
        mm.fit([image, image[:40]], area=area)


def test_strokes_outside_teach_a_model_nothing():
    image, area = two_halves(np.random.default_rng(0))
    scribbles = np.zeros(image.shape, int)
    scribbles[24, 20:26], scribbles[24, 40:46], scribbles[0, :5] = 1, 2, 3
    model = mm.fit(image, area=area, scribbles=scribbles, **STEPS)
    assert model.label_values.tolist() == [1, 2]


def test_a_baseline_and_an_array_to_write_to_keep_the_area():
    image, area = two_halves(np.random.default_rng(0))
    out = np.full(image.shape, 9, np.uint8)
    labels = mm.segment(image, area=area, method="multi_otsu", n_labels=2, out=out)
    assert labels is out
    np.testing.assert_array_equal(labels > 0, area)


@pytest.mark.parametrize(
    ("area", "said"),
    [
        (np.zeros((48, 64), bool), "has 0 pixels"),
        (np.ones((48, 60), bool), r"shape \(48, 60\)"),
        (np.ones((48, 64)), "holds float64"),
    ],
)
def test_what_is_no_area_is_refused(area, said):
    with pytest.raises(mm.InputError, match=said):
        mm.segment(np.zeros((48, 64)), area=area)


def test_the_inside_is_mirrored():
    row = np.arange(12.0)
    area = np.zeros((1, 1, 12), bool)[0]
    area[0, 4:9] = True
    filled = fill_outside(row[np.newaxis, np.newaxis], area)[0, 0]
    assert filled.tolist() == [8, 7, 6, 5, 4, 5, 6, 7, 8, 7, 6, 5]

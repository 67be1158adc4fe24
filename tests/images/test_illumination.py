import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from napari_mmtseg.images.illumination import EVEN, Illumination
from napari_mmtseg.images.light_field import TERMS, Field, Part, whole

SIDE = 160


def blobs(seed=0, share=0.3):
    """Bright blobs with a texture on a darker background, (Y, X), from 20 to 200."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=(SIDE, SIDE)), 6)
    inside = field > np.quantile(field, 1 - share)
    noise = gaussian_filter(rng.normal(size=(SIDE, SIDE)), 1)
    return np.where(inside, 160.0, 60.0) + 8 * noise, inside


def light(low=0.5, high=1.5):
    y, x = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    return low + (high - low) * (y + x) / 2


def vignette():
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    return 1 - 0.3 * (y**2 + x**2)


def fit(image, asked="auto"):
    return Illumination.fit([whole(image[np.newaxis])], asked)


def unevenness(image, inside):
    """Deviation over the background between coarse tiles, over its mean."""
    outside = np.where(inside, np.nan, image)
    tiles = [
        outside[i : i + 40, j : j + 40]
        for i in range(0, SIDE, 40)
        for j in range(0, SIDE, 40)
    ]
    medians = [np.nanmedian(t) for t in tiles if np.isfinite(t).sum() > 100]
    return np.std(medians) / np.mean(medians)


@pytest.mark.parametrize("factor", [light(), light()[::-1], vignette()])
@pytest.mark.parametrize("share", [0.1, 0.35])
def test_light_that_multiplies_is_divided_out(factor, share):
    image, inside = blobs(share=share)
    found = fit(image * factor)
    assert found.kind == "divide"
    even = found.apply((image * factor)[np.newaxis])[0]
    assert even.dtype == np.float32
    assert unevenness(image * factor, inside) > 0.08
    assert unevenness(even, inside) < 0.03
    # Objects as well as the background.
    assert unevenness(even, ~inside) < 0.03


def test_light_that_adds_is_subtracted():
    image, inside = blobs()
    glow = 120 * light(0.0, 1.0)
    found = fit(image + glow)
    assert found.kind == "subtract"
    even = found.apply((image + glow)[np.newaxis])[0]
    contrast = np.median(even[inside]) - np.median(even[~inside])
    assert contrast == pytest.approx(100, abs=5)
    assert np.std(even[~inside]) < 0.4 * np.std((image + glow)[~inside])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_even_light_is_left_alone(dtype):
    image = blobs()[0].astype(dtype)[np.newaxis]
    found = Illumination.fit([whole(image)], "auto")
    assert found.kind == "none"
    assert found.apply(image) is image


def test_an_object_that_fills_a_third_is_not_light():
    image, _ = blobs(share=0.05)
    image[:, : SIDE // 3] += 100
    assert fit(image).kind == "none"


def on_black(share):
    """Uneven light on a part of the image; the rest is 0."""
    image = blobs(share=0.1)[0] * light(0.3, 1.7)
    side = int(SIDE * share)
    image[side:], image[:, side:] = 0, 0
    return image


def test_light_is_not_told_from_a_part_of_the_image():
    assert fit(on_black(0.95)).kind == "divide"
    assert fit(on_black(0.8)).kind == "none"


def test_light_stays_within_what_was_seen_of_it():
    steep = dict.fromkeys(TERMS, 0.0) | {(0, 3): 9.0}
    field = Field("subtract", tuple(steep.values()), 0.5, 0.0, weakest=-1, strongest=1)
    left = field.taken_out(np.zeros((4, SIDE), np.float32), (0, 0), (4, SIDE))
    assert (left.min(), left.max()) == (-0.5, 1.5)
    found = fit(on_black(0.8), "divide").fields[0]
    assert np.isfinite([found.weakest, found.strongest]).all()


def test_a_choice_is_followed():
    image = blobs()[0] * light()
    assert fit(image, "off") == Illumination("off")
    assert fit(image, "subtract").kind == "subtract"
    faint = blobs()[0] * light(0.98, 1.02)
    assert (fit(faint).kind, fit(faint, "divide").kind) == ("none", "divide")


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_flat_image_has_no_light_that_varies(value):
    assert fit(np.full((SIDE, SIDE), value)).kind == "none"


def test_pixels_that_are_no_numbers_do_not_matter():
    image, inside = blobs()
    image = image * light()
    image[10:14, 20:90] = np.nan
    even = fit(image).apply(image[np.newaxis])[0]
    assert np.isnan(even[10:14, 20:90]).all()
    assert unevenness(np.nan_to_num(even, nan=60.0), inside) < 0.05


def test_parts_lie_under_the_light_of_the_whole():
    image = (blobs()[0] * light())[np.newaxis]
    corners = [(y, x) for y in (0, 80) for x in (0, 80)]
    parts = [
        Part(image[:, y : y + 80, x : x + 80], (y, x), (SIDE, SIDE)) for y, x in corners
    ]
    found = Illumination.fit(parts, "auto")
    assert found.kind == "divide"
    even = found.apply(image)
    for part in parts:
        y, x = part.corner
        expected = even[:, y : y + 80, x : x + 80]
        np.testing.assert_allclose(found.apply(*part), expected, rtol=1e-5)


def test_slices_of_a_volume_share_their_light():
    volume = np.stack([blobs(seed)[0] * light() for seed in range(3)])[np.newaxis]
    found = Illumination.fit([whole(volume)], "auto")
    even = found.apply(volume)
    for z in range(3):
        np.testing.assert_allclose(even[:, z], found.apply(volume[:, z]), rtol=1e-6)


def test_every_channel_has_its_own_light():
    first, second = blobs(0)[0], blobs(1)[0] * light()
    found = Illumination.fit([whole(np.stack([first, second]))], "auto")
    assert [f and f.kind for f in found.fields] == [None, "divide"]


def test_colours_share_their_light_and_photographs_keep_it():
    photograph = np.moveaxis(data.astronaut(), -1, 0)
    assert Illumination.fit([whole(photograph)], "auto").kind == "none"
    assert len(Illumination.fit([whole(photograph)], "divide").fields) == 1


def test_every_image_has_its_own_light_with_each():
    lit = whole((blobs()[0] * light())[np.newaxis])
    even = whole(blobs(1)[0][np.newaxis])
    each = Illumination.fit([lit], "auto", each=True)
    assert each.of(even).kind == "none"
    assert Illumination.fit([lit], "auto").of(even).kind == "divide"


def test_the_same_after_json():
    found = fit(blobs()[0] * light())
    assert Illumination.from_dict(json.loads(json.dumps(asdict(found)))) == found
    assert Illumination.from_dict(json.loads(json.dumps(asdict(EVEN)))) == EVEN


def test_values_closer_than_rounding_have_no_light():
    values = np.full((SIDE, SIDE), np.nextafter(1e6, 2e6))
    values[:, ::2] = 1e6
    assert fit(values).kind == "none"

import numpy as np
import pytest
from skimage import data

from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.stains import (
    absorbs_light,
    field_light,
    has_brown_stain,
    stain_amounts,
    stain_spectra,
)

BLUE = np.array([0.65, 0.70, 0.29])  # haematoxylin
BROWN = np.array([0.27, 0.57, 0.78])  # DAB
PINK = np.array([0.07, 0.99, 0.11])  # eosin
LIGHT = np.array([240.0, 236.0, 232.0])


def tissue(first, second, side=48):
    """Pixels of two stains and of the empty field, and the amounts of both stains."""
    rng = np.random.default_rng(0)
    which = rng.integers(0, 3, (side // 6, side // 6)).repeat(6, 0).repeat(6, 1)
    amounts = np.stack([which == 0, which == 1]) * rng.uniform(0.4, 1.2, (side, side))
    density = np.tensordot(np.stack([first, second]).T, amounts, 1)
    image = LIGHT[:, None, None] * np.exp(-density)
    return image.round().astype(np.uint8), amounts


def unit(spectrum):
    return spectrum / np.linalg.norm(spectrum)


@pytest.mark.parametrize(("first", "second"), [(BLUE, BROWN), (PINK, BLUE)])
def test_spectra_of_two_stains(first, second):
    image, _ = tissue(first, second)
    found = stain_spectra(image)
    expected = sorted((unit(first), unit(second)), key=lambda s: s[2])
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_amounts_of_two_stains():
    image, amounts = tissue(BLUE, BROWN)
    light = field_light(image)
    np.testing.assert_allclose(light, LIGHT, atol=1)
    spectra = np.stack([unit(BLUE), unit(BROWN)])
    lengths = [np.linalg.norm(BLUE), np.linalg.norm(BROWN)]
    found = stain_amounts(image, light, spectra)
    np.testing.assert_allclose(
        found, amounts * np.array(lengths)[:, None, None], atol=0.03
    )


def test_stained_tissue_and_photographs():
    immunohistochemistry = np.moveaxis(data.immunohistochemistry(), -1, 0)
    assert absorbs_light(immunohistochemistry)
    assert has_brown_stain(immunohistochemistry)
    assert absorbs_light(tissue(PINK, BLUE)[0])
    assert not has_brown_stain(tissue(PINK, BLUE)[0])
    for photograph in (data.astronaut(), data.coffee(), data.chelsea()):
        assert not absorbs_light(np.moveaxis(photograph, -1, 0))


def test_an_image_without_anything_absorbs_nothing():
    assert not absorbs_light(np.full((3, 32, 32), 240, np.uint8))
    assert not absorbs_light(np.zeros((3, 32, 32), np.uint8))


def test_noise_is_no_colour():
    image = np.moveaxis(data.immunohistochemistry(), -1, 0)
    noise = np.random.default_rng(0).normal(0, 20, image.shape)
    assert absorbs_light(np.clip(image + noise, 0, 255).astype(np.uint8))


def test_the_field_is_bright_in_both_stains():
    image, amounts = tissue(BLUE, BROWN)
    normalization = Normalization.fit([image], "auto")
    assert normalization.color_space == "stains"
    assert (normalization.n_channels, normalization.n_outputs) == (3, 3)
    seen = normalization.apply(image)
    empty = (amounts == 0).all(0)
    assert (seen[:, empty].mean(1) > seen.mean((1, 2))).all()
    # Blue lies in the second channel, brown in the third, faintly both in the first.
    assert seen[1, amounts[0] > 0].mean() < seen[1, amounts[1] > 0].mean()
    assert seen[2, amounts[1] > 0].mean() < seen[2, amounts[0] > 0].mean()
    np.testing.assert_allclose(seen.std((1, 2)), [0.1, 1, 1], rtol=1e-3)


def test_other_images_are_seen_in_lab():
    photograph = np.moveaxis(data.astronaut(), -1, 0)
    assert Normalization.fit([photograph], "auto").color_space == "lab"
    assert Normalization.fit([tissue(PINK, BLUE)[0]], "auto").color_space == "lab"
    assert Normalization.fit([photograph[:1]], "auto").color_space == "lab"
    assert Normalization.fit([photograph[:2]], "stains").n_outputs == 2

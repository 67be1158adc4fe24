import numpy as np
import pytest
from skimage import data

from napari_mmtseg.images.colours import has_one_colour, is_photograph


def channels_first(image):
    return np.moveaxis(image, -1, 0)


def under_colour_map(hue):
    ramp = np.multiply.outer(hue, data.coins().astype(float))
    return ramp.astype(np.uint8)


@pytest.mark.parametrize("hue", [(1, 1, 1), (0, 1, 0), (0.2, 0.5, 1)])
def test_grey_values_saved_as_rgb_are_no_photograph(hue):
    image = under_colour_map(hue)
    assert has_one_colour(image)
    assert not is_photograph(image)


def test_photographs_have_several_colours():
    for name in ("astronaut", "coffee", "chelsea"):
        image = channels_first(getattr(data, name)())
        assert not has_one_colour(image)
        assert is_photograph(image)


def test_stained_tissue_and_other_channels_are_no_photographs():
    assert not is_photograph(channels_first(data.immunohistochemistry()))
    assert not is_photograph(data.coins()[np.newaxis])
    assert not is_photograph(np.random.default_rng(0).random((4, 30, 30)))


@pytest.mark.parametrize("value", [0.0, np.nan, 1e300])
def test_an_image_without_contrast_has_one_colour(value):
    assert has_one_colour(np.full((3, 9, 9), value))

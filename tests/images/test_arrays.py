import numpy as np
import pytest

from napari_mmtseg import InputError
from napari_mmtseg.images.arrays import as_channels_first, check_shape
from napari_mmtseg.images.stack import ImageStack


@pytest.mark.parametrize(
    ("shape", "channel_axis", "expected"),
    [
        ((10, 12), None, (1, 10, 12)),
        ((10, 12, 3), None, (3, 10, 12)),
        ((5, 10, 12), 0, (5, 10, 12)),
        ((10, 5, 12), 1, (5, 10, 12)),
        ((10, 12, 4), -1, (4, 10, 12)),
        ((10, 12, 1), 2, (1, 10, 12)),
        ((8, 8), None, (1, 8, 8)),
    ],
)
def test_channels_come_first(shape, channel_axis, expected):
    image = np.arange(np.prod(shape)).reshape(shape)
    channels = as_channels_first(image, channel_axis)
    assert channels.shape == expected
    assert np.shares_memory(channels, image)


def test_alpha_is_left_out_and_said_so():
    image = np.zeros((10, 12, 4), np.uint8)
    with pytest.warns(UserWarning, match="alpha channel"):
        assert as_channels_first(image).shape == (3, 10, 12)


@pytest.mark.parametrize(
    ("shape", "channel_axis", "message"),
    [
        ((12,), None, "1 spatial axes"),
        ((30, 40, 50), None, "one slice at a time"),
        ((2, 30, 40, 3), None, "4 spatial axes"),
        ((2, 30, 40, 3), 3, "one slice at a time"),
        ((30, 40), 0, "1 spatial axes"),
        ((30, 40), 2, "does not exist"),
        ((30, 40, 3), 1.5, "whole number"),
        ((1, 40), None, "at least 8 x 8"),
        ((40, 1, 3), None, "at least 8 x 8"),
        ((40, 7), None, "at least 8 x 8"),
        ((0, 40, 40), 0, "no channel"),
        ((), None, "0 spatial axes"),
    ],
)
def test_shapes_that_do_not_fit(shape, channel_axis, message):
    with pytest.raises(InputError, match=message):
        check_shape(shape, np.uint8, channel_axis)
    with pytest.raises(InputError, match=message):
        as_channels_first(np.zeros(shape, np.uint8), channel_axis)


@pytest.mark.parametrize("image", [np.zeros((9, 9), complex), np.full((9, 9), "a")])
def test_data_types_that_do_not_fit(image):
    with pytest.raises(InputError, match="data type"):
        as_channels_first(image)


def test_a_small_image_says_what_was_taken_for_channels():
    with pytest.raises(InputError, match=r"8 x 8 are needed\.$"):
        check_shape((6, 6), np.uint8, None)
    with pytest.raises(InputError, match="64 entries along an axis are taken for"):
        check_shape((6, 64, 64), np.uint8, 1)


@pytest.mark.parametrize("dtype", ["u1", "i4", "f4"])
def test_masked_pixels_are_no_data(dtype):
    image = np.ma.masked_greater(np.arange(256, dtype=dtype).reshape(16, 16), 200)
    for read in (lambda x: as_channels_first(x)[0], lambda x: ImageStack.of(x).array):
        with pytest.warns(UserWarning, match="55 masked pixels are treated"):
            found = read(image)
        np.testing.assert_array_equal(np.isnan(found), image.mask)
        np.testing.assert_array_equal(found[~image.mask], image.compressed())


def test_a_mask_that_hides_nothing_changes_nothing():
    image = np.ma.array(np.arange(256, dtype=np.uint16).reshape(16, 16))
    assert as_channels_first(image).dtype == np.uint16

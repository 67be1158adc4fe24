import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_mmtseg import InputError
from napari_mmtseg.images.arrays import as_channels_first, check_shape
from napari_mmtseg.images.normalization import Normalization


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


@pytest.mark.parametrize(
    "dtype",
    ["bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"],
)
@pytest.mark.parametrize("color_space", ["lab", "channels"])
def test_two_levels_look_the_same_in_every_data_type(dtype, color_space):
    low, high = 0, 1
    if dtype not in ("bool", "f2", "f4", "f8"):
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    image = np.full((1, 10, 10), low, dtype)
    image[0, 5:] = high
    normalized = Normalization.fit([image], color_space).apply(image)
    assert normalized.dtype == np.float32
    expected = (0, 1) if color_space == "channels" else (-1, 1)
    np.testing.assert_allclose(normalized[0, 0], expected[0], atol=1e-6)
    np.testing.assert_allclose(normalized[0, -1], expected[1], atol=1e-6)


def test_extreme_floats_do_not_overflow():
    image = np.full((1, 10, 10), -1.7e308)
    image[0, 5:] = 1.7e308
    normalized = Normalization.fit([image], "channels").apply(image)
    assert set(np.unique(normalized)) == {0, 1}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_count_as_the_lowest(bad):
    image = np.linspace(2, 3, 400, dtype=np.float32).reshape(1, 20, 20)
    image[0, 19, 19] = bad
    with pytest.warns(UserWarning, match="1 pixels that are NaN or infinite"):
        normalization = Normalization.fit([image], "channels")
    normalized = normalization.apply(image)
    assert normalized[0, 19, 19] == 0
    assert np.isfinite(normalized).all()


def test_nothing_finite_is_refused():
    with (
        pytest.warns(UserWarning, match="NaN"),
        pytest.raises(InputError, match="no finite value"),
    ):
        Normalization.fit([np.full((1, 9, 9), np.nan)], "lab")


def test_constant_images_become_constant():
    for color_space in ("lab", "channels"):
        for n_channels in (1, 3, 5):
            image = np.full((n_channels, 9, 9), 7.0)
            normalized = Normalization.fit([image], color_space).apply(image)
            assert np.isfinite(normalized).all()
            assert np.ptp(normalized, axis=(1, 2)).max() < 1e-5


def test_hot_pixels_do_not_squeeze_the_range():
    rng = np.random.default_rng(0)
    image = rng.normal(100, 10, (1, 200, 200))
    image[0, 100, 100] = 1e6
    normalized = Normalization.fit([image], "lab").apply(image)
    assert normalized.std() == pytest.approx(1, abs=0.01)
    assert normalized.max() < 5


def test_the_same_normalisation_applies_to_another_image():
    image = np.linspace(0, 1, 100).reshape(1, 10, 10)
    normalization = Normalization.fit([image], "channels")
    np.testing.assert_allclose(normalization.apply(image / 2).max(), 0.5, atol=1e-6)
    assert Normalization.from_dict(vars(normalization)) == normalization


def test_uint8_colour_is_lab_from_black_to_white():
    image = np.zeros((3, 10, 10), np.uint8)
    image[:, 5:] = 255
    normalized = Normalization.fit([image], "lab").apply(image)
    assert normalized[0, 0, 0] < 0 < normalized[0, 9, 9]
    np.testing.assert_allclose(normalized[1:], 0, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    arrays(
        st.sampled_from(["u1", "i2", "f4", "f8"]),
        st.sampled_from([(1, 8, 9), (3, 9, 8), (4, 8, 8)]),
    ),
    st.sampled_from(["lab", "channels"]),
)
def test_normalised_values_are_finite(image, color_space):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            normalized = Normalization.fit([image], color_space).apply(image)
        except InputError:
            assert not np.isfinite(image).any()
            return
    assert normalized.shape == image.shape
    assert np.isfinite(normalized).all()


def test_a_small_image_says_what_was_taken_for_channels():
    with pytest.raises(InputError, match=r"8 x 8 are needed\.$"):
        check_shape((6, 6), np.uint8, None)
    with pytest.raises(InputError, match="64 entries along an axis are taken for"):
        check_shape((6, 64, 64), np.uint8, 1)

import json
import warnings
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_mmtseg import InputError
from napari_mmtseg.images.normalization import Normalization


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
    with pytest.raises(InputError, match="no finite value"):
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


def nuclei(n=192):
    rng = np.random.default_rng(3)
    bright = np.zeros((n, n), bool)
    bright[40:90, 50:100] = bright[120:170, 100:160] = True
    return np.where(bright, 900, 200) + rng.normal(0, 40, (n, n)), rng


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("share", [0.001, 0.002, 0.01])
def test_many_hot_or_dead_pixels_do_not_squeeze_the_range(share, sign):
    image, rng = nuclei()
    hot = rng.random(image.shape) < share
    spoilt = np.where(hot, 65535, image)[np.newaxis] * sign
    with pytest.warns(UserWarning, match="single pixels are far outside"):
        found = Normalization.fit([spoilt], "lab")
    clean = Normalization.fit([image[np.newaxis] * sign], "lab")
    width = clean.high[0] - clean.low[0]
    assert found.high[0] - found.low[0] < 1.5 * width


@pytest.mark.parametrize("height", [300, 900, 60000])
def test_a_small_bright_object_is_not_clipped_away(height):
    rng = np.random.default_rng(0)
    image = rng.normal(100, 10, (1, 480, 480))
    image[0, 200:210, 300:310] += height
    normalized = Normalization.fit([image], "lab").apply(image)[0]
    inside = np.zeros(normalized.shape, bool)
    inside[200:210, 300:310] = True
    noise = normalized[~inside]
    assert normalized[inside].min() > noise.max() + 2 * noise.std()
    assert noise.std() > 0.5


def test_thin_bright_lines_are_no_hot_pixels():
    image = np.zeros((1, 200, 200))
    image[0, ::20] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Normalization.fit([image], "lab")
    assert (found.low, found.high) == ((0.0,), (1.0,))


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


@settings(max_examples=30)
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
            assert not np.isfinite(image).all()  # a channel has no value
            return
    assert normalized.shape == image.shape
    assert np.isfinite(normalized).all()


class TestFixedRange:
    image = np.linspace(0, 1000, 64 * 64).reshape(1, 64, 64)

    def test_values_beyond_count_as_the_ends(self):
        found = Normalization.fit([self.image], "lab", (200, 700))
        assert (found.low, found.high) == ((200,), (700,))
        seen = found.apply(self.image)[0]
        assert np.ptp(seen[self.image[0] <= 200]) == 0
        assert np.ptp(seen[self.image[0] >= 700]) == 0
        assert Normalization.from_dict(json.loads(json.dumps(asdict(found)))) == found

    def test_one_end_alone(self):
        found = Normalization.fit([self.image], "lab", (200, None))
        assert found.low == (200,)
        assert 990 < found.high[0] <= 1000

    def test_other_images_have_the_same_range(self):
        found = Normalization.fit([self.image], "channels", (0, 2000))
        each = replace(found, each=True).of(self.image * 3)
        assert (each.low, each.high) == ((0,), (2000,))

    def test_colours(self):
        rgb = np.stack([self.image[0]] * 3).astype(np.uint8)
        assert Normalization.fit([rgb], "lab", (None, 100)).high == (100,)

    def test_no_value_at_all_is_refused(self):
        with pytest.raises(InputError, match="no finite value"):
            Normalization.fit([self.image * np.nan], "lab", (0, 1))

    def test_hot_pixels_need_no_notice(self):
        hot = self.image.copy()
        hot[0, ::9, ::9] = 1e6
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Normalization.fit([hot], "lab", (0, 1000))


class TestFewValuesThatStretchTheRange:
    @staticmethod
    def scene(structure: float, *, low: bool = False) -> np.ndarray:
        """Return nuclei of some brightness, and debris far above, or below, them."""
        image = np.random.default_rng(0).normal(2000, 10, (200, 200))
        image[50:100, 50:100] += structure
        image[150:170, 150:170] = 0 if low else 60000
        return image[np.newaxis]

    def test_it_is_said_with_the_way_out(self):
        with pytest.warns(
            UserWarning, match=r"1\.0% of the pixels .* brightest_value="
        ):
            Normalization.fit([self.scene(500)], "lab")

    def test_dark_ones(self):
        image = self.scene(-100, low=True)
        with pytest.warns(UserWarning, match="darkest_value="):
            Normalization.fit([image], "lab")

    @pytest.mark.parametrize("fixed", [(None, None), (0.0, 3000.0)])
    def test_not_if_there_is_nothing_else_or_the_range_is_given(self, fixed):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Normalization.fit(
                [self.scene(0 if fixed[0] is None else 500)], "lab", fixed
            )

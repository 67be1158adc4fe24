"""Number of textures in an image, and the window that tells them apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

import napari_mmtseg as mm
from napari_mmtseg.images.texture import TextureEnergy
from napari_mmtseg.segmentation.textures import adjusted_rand_index, find_textures

SIDE = 288


def texture(seed, sigma):
    """Return random detail of one size (SIDE, SIDE), with deviation 1."""
    values = np.random.default_rng(seed).normal(size=(SIDE, SIDE))
    values = gaussian_filter(values, sigma)
    return (values / values.std()).astype(np.float32)


def parts(*textures):
    """Return textures side by side, and where each of them is."""
    truth = np.repeat(np.arange(len(textures)), SIDE // len(textures))
    truth = np.tile(truth, (SIDE, 1))
    return np.choose(truth, textures), truth


FINE, MIDDLE, COARSE = (texture(i, sigma) for i, sigma in enumerate((0.7, 1.5, 3.0)))


@pytest.mark.parametrize("textures", [(FINE, COARSE), (FINE, MIDDLE, COARSE)])
def test_parts_of_other_detail_are_counted(textures):
    image, _ = parts(*textures)
    found, window = find_textures(image[np.newaxis], 0.5)
    assert found == len(textures)
    assert 5 < window < 22


@pytest.mark.parametrize("one", [FINE, MIDDLE, COARSE])
def test_detail_that_is_alike_everywhere_is_one_texture(one):
    assert find_textures(one[np.newaxis], 0.5)[0] == 1


def test_a_hole_is_no_texture():
    image = MIDDLE.copy()
    image[100:130, 100:130] = -12
    assert find_textures(image[np.newaxis], 0.5)[0] == 1


def test_an_image_smaller_than_the_windows_is_one_texture():
    image, _ = parts(FINE, COARSE)
    assert find_textures(image[np.newaxis, :80], 0.5)[0] == 1


def test_the_first_click_divides_textures():
    image, truth = parts(FINE, COARSE)
    labels = mm.segment(image, background="none")
    assert labels.max() == 2
    right = (labels - 1 == truth).mean()
    assert max(right, 1 - right) > 0.95


def test_a_model_of_textures_survives_its_file(tmp_path):
    image, _ = parts(FINE, COARSE)
    model = mm.fit(image, n_steps=4, warm_start_steps=2)
    assert isinstance(model._readout.inference.texture, TextureEnergy)
    model.save(tmp_path / "m.safetensors")
    loaded = mm.load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict(image), model.predict(image))


def test_a_window_that_is_given_is_used():
    image, _ = parts(FINE, COARSE)
    quick = {"texture": 0.5, "n_steps": 2, "warm_start_steps": 1}
    model = mm.fit(image, texture_scale=9.0, **quick)
    assert model._readout.inference.texture.scale == 9.0
    fine = mm.fit(image, texture_scale=2.0, **quick)
    assert not isinstance(fine._readout.inference.texture, TextureEnergy)


class TestEnergy:
    def test_every_feature_has_the_variance_of_the_image(self):
        image, _ = parts(FINE, COARSE)
        image = 3 * image[np.newaxis]
        energy, (features,) = TextureEnergy.fit([image], 0.5, 8.0)
        np.testing.assert_array_equal(features, energy.apply(image))
        assert len(features) == energy.n_features(1) == 4
        np.testing.assert_allclose(features.std(axis=(1, 2)), image.std(), rtol=1e-3)
        np.testing.assert_allclose(features.mean(axis=(1, 2)), 0, atol=1e-3)

    def test_texture_alone_leaves_intensity_out(self):
        image = COARSE[np.newaxis]
        _, (features,) = TextureEnergy.fit([image], 1.0, 8.0)
        assert not features[0].any()

    def test_the_halo_covers_the_reach(self):
        image = np.concatenate([MIDDLE, COARSE], axis=1)[np.newaxis, :60]
        energy, _ = TextureEnergy.fit([image], 0.5, 8.0)
        part = energy.apply(image[..., : 200 + energy.halo])
        whole = energy.apply(image)
        np.testing.assert_allclose(part[..., :200], whole[..., :200], atol=1e-3)

    def test_a_flat_image_has_flat_features(self):
        flat = np.zeros((1, 90, 90), np.float32)
        energy, _ = TextureEnergy.fit([flat], 0.5, 8.0)
        assert not energy.apply(flat).any()


class TestAdjustedRandIndex:
    def test_known_answers(self):
        assert adjusted_rand_index(np.diag([4.0, 6.0])) == 1
        assert adjusted_rand_index(np.array([[4.0, 0], [0, 0]])) == 1
        # By hand: pairs in both 2, in either 6 and 6, of 15 in all 2.4 by chance.
        table = np.array([[2.0, 1.0], [1.0, 2.0]])
        assert adjusted_rand_index(table) == pytest.approx((2 - 2.4) / (6 - 2.4))

    @given(st.permutations(range(4)), st.integers(0, 99))
    def test_names_of_parts_do_not_matter(self, order, seed):
        table = np.random.default_rng(seed).integers(0, 50, (4, 4)).astype(float)
        table += np.eye(4)
        index = adjusted_rand_index(table)
        assert adjusted_rand_index(table[:, order]) == pytest.approx(index)
        assert adjusted_rand_index(table.T) == pytest.approx(index)
        assert index <= 1

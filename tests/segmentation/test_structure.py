import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

import napari_mmtseg as mm
from napari_mmtseg.engine.examples import N_CLUSTERS, to_working_size, warm_start
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.images.features import gradient_magnitude, local_deviation
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.texture import Texture
from napari_mmtseg.napari.sample_data import focus_series
from napari_mmtseg.progress import drain
from napari_mmtseg.segmentation.structure import (
    Structure,
    find_structure,
    focus_differs,
)


def structure(image, **settings):
    channels = as_channels_first(image)
    normalized = Normalization.fit([channels], "lab").apply(channels)
    small = to_working_size(normalized, 240)
    clusters = warm_start([small], N_CLUSTERS)[0]
    return find_structure(
        small,
        clusters,
        mm.SegmentationSettings(**settings),
        grey=len(channels) == 1,
        photograph=len(channels) == 3,
    )


def nuclei():
    rng = np.random.default_rng(0)
    seeds = np.zeros((160, 160))
    seeds[rng.integers(8, 152, 25), rng.integers(8, 152, 25)] = 1
    return (gaussian_filter(seeds, 4) > 0.002) * 100 + rng.normal(50, 4, seeds.shape)


def two_textures():
    rng = np.random.default_rng(0)
    image = rng.normal(100, 4, (160, 160))
    image[:, 80:] = rng.normal(100, 40, (160, 80))
    return gaussian_filter(image, 0.7)


def test_objects_on_a_background_merge_by_what_they_look_like():
    assert structure(nuclei()) == Structure("classes", 0.0)


def test_photographs_merge_by_place():
    assert structure(data.coffee()[::2, ::2]) == Structure("regions", 0.0)


def test_texture_is_found_without_help():
    assert structure(two_textures()) == Structure("classes", 0.5)


def test_texture_tells_two_halves_apart():
    truth = np.zeros((160, 160), int)
    truth[:, 80:] = 1
    labels = mm.segment(two_textures(), n_labels=2) - 1
    assert max((labels == truth).mean(), (labels != truth).mean()) > 0.9
    blind = mm.segment(two_textures(), n_labels=2, texture=0.0) - 1
    assert max((blind == truth).mean(), (blind != truth).mean()) < 0.8


def test_classes_of_texture_are_measured_where_they_are_read():
    image = np.tile(two_textures(), (2, 2))  # larger than what is trained on
    quick = {
        "n_steps": 4,
        "warm_start_steps": 2,
        "max_labels": 32,
        "texture_scale": 2.0,
    }
    model = mm.fit(image, texture=0.5, **quick)
    clusters = drain(model.iter_hierarchy(image)).clusters
    sizes = model._readout.averaged.found.statistics.sizes
    assert np.bincount(clusters.ravel(), minlength=32).tolist() == sizes.tolist()
    n_clusters = model._readout.averaged.found.n_clusters
    for n_labels in {1, 2, n_clusters // 2, n_clusters}:
        assert model.labels(image, n_labels).max() == n_labels
    whole = mm.segment(image, **quick)
    np.testing.assert_array_equal(model.predict(image), whole)


def test_what_is_set_is_kept():
    assert structure(nuclei(), merging="regions").merging == "regions"
    assert structure(nuclei(), texture=0.7).texture == 0.7
    assert structure(data.coffee()[::2, ::2], n_labels=3).merging == "classes"


def test_texture_that_is_focus_is_told_from_texture():
    sharp = two_textures()
    blurred = [gaussian_filter(sharp, sigma)[np.newaxis] for sigma in (0, 3, 6, 9)]
    moved = [np.roll(sharp, 5 * i, axis=0)[np.newaxis] for i in range(4)]
    assert focus_differs(blurred, 2.0)
    assert not focus_differs(moved, 2.0)
    assert not focus_differs([np.zeros((1, 9, 9), np.uint8)] * 2, 2.0)


def test_a_focus_series_is_told_by_intensity():
    stack = focus_series()[0][0]
    few = stack[::2, ::2, ::2]
    labels = mm.segment(few, axes="ZYX", n_steps=6, warm_start_steps=4)
    n = labels.max() + 1
    shares = [np.bincount(plane.ravel(), minlength=n)[1:] for plane in labels]
    assert (np.array(shares) / few[0].size > 0.05).all()  # all classes everywhere


def test_local_deviation_by_hand():
    image = np.indices((40, 40)).sum(0).astype(np.float32) % 2
    # Half of the pixels 0, half 1, under a window that sees many of them.
    assert local_deviation(image, 3.0)[20, 20] == pytest.approx(0.5, abs=1e-3)
    assert local_deviation(np.full((9, 9), 3.0, np.float32), 2.0).max() < 1e-3


def test_gradient_magnitude_of_a_ramp():
    ramp = np.arange(30, dtype=np.float32)[np.newaxis].repeat(30, 0) * 3
    image = np.stack([ramp, ramp.T])
    found = gradient_magnitude(image, 0.5)[10:20, 10:20]
    np.testing.assert_allclose(found, np.sqrt(18), rtol=1e-3)


def test_texture_has_the_variance_of_the_image():
    image = np.random.default_rng(0).normal(size=(1, 80, 80)).astype(np.float32)
    image[:, :40] *= 0.2
    texture = Texture.fit([image], 0.5, 2.0)
    seen = texture.apply(image)
    assert seen.shape == (2, 80, 80)
    assert seen[1].std() == pytest.approx(image.std(), rel=1e-3)
    alone = Texture.fit([image], 1.0, 2.0).apply(image)
    assert alone[0].std() == 0
    assert Texture.fit([image], 0.0, 2.0).apply(image) is image
    flat = np.zeros((1, 9, 9), np.float32)
    assert not Texture.fit([flat], 0.5, 2.0).apply(flat).any()


def test_a_model_with_texture_survives_its_file(tmp_path):
    image = two_textures()
    model = mm.fit(image, texture=0.5, n_labels=2, n_steps=6, warm_start_steps=4)
    model.save(tmp_path / "m.safetensors")
    loaded = mm.load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict(image), model.predict(image))


def test_a_model_of_regions_survives_its_file_and_says_the_same(tmp_path):
    image = data.coffee()[::4, ::4]
    quick = {"n_steps": 6, "warm_start_steps": 4, "merging": "regions"}
    model = mm.fit(image, **quick)
    model.save(tmp_path / "m.safetensors")
    labels = mm.segment(image, **quick)
    assert model.n_labels == labels.max()
    loaded = mm.load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(model.predict(image), labels)
    np.testing.assert_array_equal(loaded.predict(image), labels)
    pieces = mm.segment(image, output="regions", **quick)
    assert pieces.max() >= labels.max()

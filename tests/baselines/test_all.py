"""What holds for every method."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from napari_mmtseg import InputError, baselines
from napari_mmtseg.settings.fields import parameters
from tests.baselines.images import NETWORKS, QUICK, two_values

every = pytest.mark.parametrize("name", baselines.__all__)
networks = pytest.mark.parametrize("name", NETWORKS)


def run(name, image, **values):
    return getattr(baselines, name)(image, **{**QUICK.get(name, {}), **values})


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 255, shape).astype(np.uint8)


def test_the_setting_offers_every_method():
    assert parameters()["method"].choices == ("mmt", *baselines.__all__)
    assert parameters()["method"].default == "mmt"
    assert dir(baselines) == baselines.__all__
    with pytest.raises(AttributeError, match="watershed"):
        _ = baselines.watershed


@every
def test_two_values_become_two_classes_from_dark_to_bright(name):
    image, truth = two_values()
    labels = run(name, image, n_labels=2)
    assert labels.dtype == np.int32
    # The networks see 5 x 5 pixels: the border of the rectangle may differ.
    least = 0.93 if name in NETWORKS else 1
    assert (labels == truth).mean() >= least


@every
@pytest.mark.parametrize(
    ("shape", "channel_axis"),
    [((20, 24), None), ((20, 24, 3), None), ((5, 20, 24), 0), ((20, 2, 24), 1)],
)
def test_any_channels(name, shape, channel_axis):
    image = noise(shape)
    labels = run(name, image, channel_axis=channel_axis, n_labels=3)
    assert labels.shape == (20, 24)
    assert set(np.unique(labels)) == {1, 2, 3}


@every
@pytest.mark.parametrize("dtype", ["bool", "i2", "u2", "f4", "f8"])
def test_any_data_type(name, dtype):
    image, truth = two_values()
    labels = run(name, (image > 0).astype(dtype) * np.ones((), dtype), n_labels=2)
    assert (labels == truth).mean() >= 0.93


@every
@pytest.mark.parametrize("n_labels", [1, 2, 4, 7])
def test_the_number_of_classes_is_kept(name, n_labels):
    gradient = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    gradient[24:] = gradient[24:, ::-1]
    labels = run(name, gradient, n_labels=n_labels)
    assert set(np.unique(labels)) == set(range(1, n_labels + 1))


@every
def test_classes_are_numbered_from_dark_to_bright(name):
    image = noise((24, 30))
    image[:, 10:20] //= 4
    labels = run(name, image, n_labels=4)
    means = [image[labels == label].mean() for label in range(1, labels.max() + 1)]
    assert means == sorted(means)


@every
def test_a_constant_image_is_one_class(name):
    assert (run(name, np.full((20, 20), 7, np.uint8)) == 1).all()
    with pytest.warns(UserWarning, match=f"{name} found only 1 of the 3 classes"):
        run(name, np.full((20, 20), 7, np.uint8), n_labels=3)


@every
def test_seed_and_the_callers_state(name):
    image = noise((24, 30, 3))
    torch.manual_seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    threads = torch.get_num_threads()
    first = run(name, image, seed=5)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    assert torch.get_num_threads() == threads
    torch.manual_seed(4)
    np.testing.assert_array_equal(first, run(name, image, seed=5))


@pytest.mark.parametrize("name", [*NETWORKS, "kmeans", "gaussian_mixture"])
def test_another_seed_is_another_start(name):
    image = noise((24, 30, 3))
    assert (run(name, image, seed=0) != run(name, image, seed=1)).any()


@every
def test_the_image_is_not_changed_and_nan_is_said(name):
    image = two_values()[0].astype(float)
    image[0, 0] = np.nan
    image.flags.writeable = False
    copy = image.copy()
    with pytest.warns(UserWarning, match="NaN"):
        labels = run(name, image, n_labels=2)
    np.testing.assert_array_equal(image, copy)
    assert labels.min() == 1


@every
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_labels": 0}, "n_labels=0 .* from 1 to 256"),
        ({"n_labels": "two"}, "n_labels='two'"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 1.5}, "whole number"),
        ({"channel_axis": 5}, "channel_axis=5 does not exist"),
    ],
)
def test_bad_values(name, values, message):
    with pytest.raises(InputError, match=message):
        run(name, noise((20, 20, 3)), **values)


@every
def test_bad_images(name):
    with pytest.raises(InputError, match="too small"):
        run(name, np.zeros((4, 20)))
    with pytest.raises(InputError, match="one slice at a time"):
        run(name, np.zeros((20, 30, 40)))
    with pytest.raises(InputError, match="data type"):
        run(name, np.zeros((20, 20), complex))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("felzenszwalb", {"scale": -1}),
        ("felzenszwalb", {"sigma": float("inf")}),
        ("felzenszwalb", {"min_size": 1.5}),
        ("gaussian_mixture", {"covariance_type": "round"}),
        ("iic", {"max_displacement": -1}),
        ("kanezaki", {"n_superpixels": 0}),
        ("kanezaki", {"compactness": "high"}),
        ("kim", {"continuity_weight": -1}),
        ("kim", {"scribble_weight": float("nan")}),
        ("kmeans", {"n_init": 0}),
    ],
)
def test_bad_values_of_one_method(name, values):
    (parameter,) = values
    with pytest.raises(InputError, match=f"{parameter}=.* is not accepted"):
        run(name, noise((20, 20)), **values)


@networks
@pytest.mark.parametrize(
    "values",
    [
        {"n_steps": 0},
        {"learning_rate": 0},
        {"momentum": 1},
        {"working_size": 4},
        {"precision": "float16"},
        {"device": "tpu"},
        {"min_labels": 0},
        {"n_conv_layers": 0},
    ],
)
def test_bad_values_of_a_network(name, values):
    (parameter,) = values
    with pytest.raises(InputError, match=f"{parameter}=.* is not accepted"):
        run(name, noise((20, 20)), **values)


@networks
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_networks_at_a_working_size(name, precision):
    image, truth = two_values(64, 80)
    labels = run(name, image, n_labels=2, working_size=20, precision=precision)
    assert labels.shape == truth.shape
    # One label for every 4 x 4 pixels.
    blocks = labels.reshape(16, 4, 20, 4)
    assert (blocks == blocks[:, :1, :, :1]).all()
    assert (labels == truth).mean() > 0.85


@networks
def test_networks_do_not_mind_the_callers_grad_mode(name):
    image = noise((20, 24))
    expected = run(name, image, n_steps=5)
    with torch.inference_mode():
        np.testing.assert_array_equal(run(name, image, n_steps=5), expected)


@pytest.mark.parametrize("name", ["kmeans", "gaussian_mixture"])
def test_missing_scikit_learn_is_said_with_the_remedy(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InputError, match=r'pip install "napari-mmtseg\[baselines\]"'):
        run(name, noise((20, 20)))


def test_the_names_import_neither_torch_nor_scikit_learn():
    code = (
        "import sys, napari_mmtseg.baselines, napari_mmtseg.segmentation.segment; "
        "assert not {'torch', 'sklearn', 'napari'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_thin_images_have_labels_too():
    for name in baselines.__all__:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            labels = run(name, noise((8, 60)), n_labels=2)
        assert labels.shape == (8, 60)

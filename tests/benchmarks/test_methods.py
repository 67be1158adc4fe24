import numpy as np
import pytest
from benchmarks.methods import parse_methods

from napari_mmtseg import InputError, segment


def parsed(*specs):
    return [(method.name, dict(method.values)) for method in parse_methods(specs)]


def test_commas_between_and_inside_specifications():
    expected = [
        ("default", {}),
        ("fast", {"output": "regions", "n_labels": 4}),
        ("paper", {"n_steps": 5}),
    ]
    assert parsed("default", "fast:output=regions,n_labels=4", "paper:n_steps=5") == (
        expected
    )
    assert parsed("default,fast:output=regions,n_labels=4,paper:n_steps=5") == expected
    assert parsed("default; fast:output=regions,n_labels=4;paper:n_steps=5") == expected
    assert parsed("default", "default") == [("default", {})]


def test_values_have_the_type_that_they_look_like():
    spec = "default:n_labels=none,ema_warmup=false,edge_scale=0.5,color_space=lab"
    assert parsed(spec)[0][1] == {
        "n_labels": None,
        "ema_warmup": False,
        "edge_scale": 0.5,
        "color_space": "lab",
    }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nonsense", "nonsense"),
        ("default:colour=red", "colour"),
        ("default:n_labels=0", "n_labels"),
        ("default:n_labels", "key=value"),
        ("default:seed=3", "seed"),
        ("skimage.felzenszwalb:scales=3", "scales"),
        (",", "No method"),
    ],
)
def test_what_is_not_known_is_named(spec, message):
    with pytest.raises(InputError, match=message):
        parse_methods([spec])


def test_settings_are_complete():
    preset, other = parse_methods(["fast:n_steps=7", "skimage.felzenszwalb:scale=5"])
    assert preset.settings()["n_steps"] == 7
    assert preset.settings()["working_size"] == 128
    assert "seed" not in preset.settings()
    assert other.settings() == {"scale": 5, "sigma": 0.8, "min_size": 20}


def test_a_preset_is_called_with_seed_and_number():
    image = np.eye(16)
    (method,) = parse_methods(["fast:n_steps=2,warm_start_steps=1"])
    same = segment(
        image, preset="fast", n_steps=2, warm_start_steps=1, seed=3, n_labels=2
    )
    np.testing.assert_array_equal(method(image, seed=3, n_labels=2), same)


def test_scikit_image_own_call():
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, 10:] = 255
    (method,) = parse_methods(["skimage.felzenszwalb:scale=10,sigma=0,min_size=5"])
    labels = method(image)
    assert labels.dtype == np.int32
    assert sorted(np.unique(labels)) == [1, 2]
    assert len(np.unique(method(image[..., 0]))) == 2


def test_baselines_are_methods():
    baselines = pytest.importorskip("napari_mmtseg.baselines")
    pytest.importorskip("sklearn", reason="scikit-learn clusters")
    image = np.zeros((20, 20), np.uint8)
    image[:, 10:] = 255
    (method,) = parse_methods(["kmeans:n_labels=2"])
    np.testing.assert_array_equal(method(image), baselines.kmeans(image, n_labels=2))
    assert method.settings()["n_labels"] == 2

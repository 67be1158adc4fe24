import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from skimage import data

import napari_mmtseg as mm
from napari_mmtseg.engine.model import consensus

QUICK = {"n_steps": 6, "warm_start_steps": 3, "max_labels": 8, "precision": "float32"}


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 40, (40, 50, 3)).astype(np.uint8)
    image[10:30, 10:40, 0] += 150
    return image


@pytest.fixture(scope="module")
def model(image):
    return mm.fit(image, n_labels=3, **QUICK)


def test_segment_and_predict_agree(image, model):
    expected = mm.segment(image, n_labels=3, **QUICK)
    np.testing.assert_array_equal(model.predict(image), expected)


def test_save_and_load_give_the_same_labels(image, model, tmp_path):
    path = tmp_path / "cells.safetensors"
    model.save(path)
    loaded = mm.load_model(path)
    np.testing.assert_array_equal(loaded.predict(image), model.predict(image))
    assert loaded.settings == model.settings
    assert (loaded.n_labels, loaded.n_channels) == (3, 3)


def test_model_file_is_never_overwritten_silently(model, tmp_path):
    path = tmp_path / "cells.safetensors"
    path.write_text("mine")
    with pytest.raises(mm.InputError, match="exists"):
        model.save(path)
    assert path.read_text() == "mine"
    model.save(path, overwrite=True)
    assert mm.load_model(path).n_labels == 3
    with pytest.raises(mm.InputError, match=r"\.safetensors"):
        model.save(tmp_path / "cells.pt")


def test_tiles_change_no_label(image, monkeypatch):
    model = mm.fit(image, n_labels=3, **QUICK)
    # In float32 a pixel between two classes could go either way by rounding alone.
    model.inference.consensus.to(torch.float64)
    whole = model.predict(np.tile(image, (4, 3, 1)))
    monkeypatch.setattr(consensus, "_TILE_VALUES", 1)  # 64 x 64 tiles
    np.testing.assert_array_equal(model.predict(np.tile(image, (4, 3, 1))), whole)


def test_classes_mean_the_same_in_another_image(model, image):
    flipped = np.ascontiguousarray(image[::-1, ::-1])
    agreement = (model.predict(flipped)[::-1, ::-1] == model.predict(image)).mean()
    assert agreement > 0.9


def test_wrong_number_of_channels_is_refused(model, image):
    with pytest.raises(mm.InputError, match="fitted on 3"):
        model.predict(image[..., 0])


def test_regions_can_be_asked_for(model, image):
    regions = model.predict(image, output="regions")
    assert regions.max() >= model.predict(image).max()
    with pytest.raises(mm.InputError, match="output"):
        model.predict(image, output="blobs")


def test_several_images_share_one_model(image):
    model = mm.fit([image, image[::-1], image[5:35, 5:45]], n_labels=2, **QUICK)
    assert model.predict(image).shape == (40, 50)
    with pytest.raises(mm.InputError, match="same number of channels"):
        mm.fit([image, image[..., 0]], **QUICK)
    with pytest.raises(mm.InputError, match="no image"):
        mm.fit([], **QUICK)


@pytest.mark.parametrize(
    "content", [b"", b"not a model", b"PK\x03\x04 a pickle in a zip", b"\x08" * 64]
)
def test_files_that_are_no_model_are_refused(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(mm.InputError, match="not a model"):
        mm.load_model(path)


def test_other_safetensors_and_versions_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(mm.InputError, match="not a model"):
        mm.load_model(path)
    about = json.dumps({"format": "napari-mmtseg model", "version": 99})
    save_file({"weight": torch.zeros(2)}, path, {"napari_mmtseg": about})
    with pytest.raises(mm.InputError, match="version 99"):
        mm.load_model(path)
    about = json.dumps({"format": "napari-mmtseg model", "version": 1})
    save_file({"weight": torch.zeros(2)}, path, {"napari_mmtseg": about})
    with pytest.raises(mm.InputError, match="damaged"):
        mm.load_model(path)
    with pytest.raises(mm.InputError, match="no model file"):
        mm.load_model(tmp_path / "nothing.safetensors")


PARITY = [
    {"n_labels": 2},
    {"n_labels": 5},
    {"n_labels": 4, "output": "regions"},
    {"n_labels": 3, "merging": "regions"},
    {"merging": "regions"},
    {"merging": "classes"},
]


COINS = data.coins()[60:160, 20:140]
LONGER = QUICK | {"max_labels": 12, "n_steps": 10, "warm_start_steps": 8}


@pytest.fixture(
    scope="module", params=[{}, {"merging": "regions"}, {"texture": 0.5}], ids=str
)
def fitted(request):
    """Return the settings of a model beside `LONGER`, and the model."""
    return request.param, mm.fit(COINS, **LONGER, **request.param)


@pytest.mark.parametrize("wanted", PARITY, ids=str)
def test_any_number_of_labels_is_what_a_new_run_gives(wanted, fitted):
    settings, model = fitted
    expected = mm.segment(COINS, **LONGER, **(settings | wanted))
    np.testing.assert_array_equal(model.labels(COINS, **wanted), expected)


def test_a_model_of_regions_survives_its_file(tmp_path):
    model = mm.fit(COINS, merging="regions", **QUICK)
    model.save(tmp_path / "regions.safetensors")
    loaded = mm.load_model(tmp_path / "regions.safetensors")
    for k in (None, 2, 4):
        np.testing.assert_array_equal(
            loaded.labels(COINS, k, merging="regions"),
            model.labels(COINS, k, merging="regions"),
        )


def test_a_number_of_labels_out_of_range_is_refused(model, image):
    with pytest.raises(mm.InputError, match="n_labels=0"):
        model.labels(image, 0)


@pytest.mark.parametrize("orders", [[], [3], [[0, 0, 1]], [[0, 1], [0, 2]], 7, None])
def test_damaged_orders_of_channels_are_refused(model, tmp_path, orders):
    path = tmp_path / "a.safetensors"
    model.save(path)
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["napari_mmtseg"])
        tensors = {name: file.get_tensor(name) for name in list(file.keys())}
    about["channel_orders"] = orders
    save_file(tensors, path, {"napari_mmtseg": json.dumps(about)})
    with pytest.raises(mm.InputError, match="damaged model file"):
        mm.load_model(path)


def test_something_else_than_a_model_is_refused(image):
    with pytest.raises(mm.InputError, match=r"model is a dict\. Give a fitted model"):
        mm.segment(image, model={}, **QUICK)

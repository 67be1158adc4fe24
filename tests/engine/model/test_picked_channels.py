"""A model that was fitted on some channels of an image with more."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_mmtseg as mm
from napari_mmtseg.images import stack as image_stack
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.images.picked_channels import PickedArray, PickedChannels
from napari_mmtseg.images.stack import ImageStack
from tests.batch.folders import square

QUICK = {"n_steps": 6, "warm_start_steps": 3, "max_labels": 4, "precision": "float32"}
NUMBERS = [0, 2]


class Recorded:
    """Array that notes which channels, its first axis, are read."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.read = array, set[int]()
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, index: tuple[Any, ...]) -> np.ndarray:
        channels = np.arange(len(self.array))[index[0]]
        self.read.update(np.atleast_1d(channels).tolist())
        return self.array[index]


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.stack([square(1), square(2), 255 - square(1)])


@pytest.fixture(scope="module")
def model(image: np.ndarray) -> mm.MutualMeanTeachingModel:
    model = mm.fit(image[NUMBERS], channel_axis=0, n_labels=2, **QUICK)
    model.picked_channels = PickedChannels((0, 2), 3)
    return model


def test_the_file_keeps_them(model: mm.MutualMeanTeachingModel, tmp_path: Path) -> None:
    model.save(tmp_path / "a.safetensors")
    loaded = mm.load_model(tmp_path / "a.safetensors")
    assert loaded.picked_channels == model.picked_channels


def test_a_file_without_them_and_a_damaged_one(
    model: mm.MutualMeanTeachingModel, tmp_path: Path
) -> None:
    path, whole = tmp_path / "a.safetensors", copy.copy(model)
    whole.picked_channels = None
    whole.save(path)
    assert b"picked" not in path.read_bytes()
    assert mm.load_model(path).picked_channels is None
    whole.picked_channels = PickedChannels((0, 1, 2), 4)
    whole.save(path, overwrite=True)
    with pytest.raises(mm.InputError, match="damaged"):
        mm.load_model(path)


def test_one_image(model: mm.MutualMeanTeachingModel, image: np.ndarray) -> None:
    expected = model.predict(image[NUMBERS], channel_axis=0)
    np.testing.assert_array_equal(model.predict(image, channel_axis=0), expected)
    last = np.moveaxis(image, 0, -1)  # also taken for colours
    np.testing.assert_array_equal(model.predict(last), expected)
    both = [model.confidence(i, channel_axis=0) for i in (image, image[NUMBERS])]
    np.testing.assert_array_equal(*both)


def test_a_stack_of_which_the_others_are_not_read(
    model: mm.MutualMeanTeachingModel, image: np.ndarray
) -> None:
    stack = np.stack([image, image[:, ::-1]], 1)
    lazy = Recorded(stack)
    found = model.predict(lazy, axes="CZYX")
    assert lazy.read == set(NUMBERS)
    expected = model.predict(stack[NUMBERS], axes="CZYX")
    np.testing.assert_array_equal(found, expected)


def test_an_image_in_tiles(
    model: mm.MutualMeanTeachingModel,
    image: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(image_stack, "LARGE", 100)
    lazy = Recorded(image)
    found = model.predict(lazy, axes="CYX")
    assert lazy.read == set(NUMBERS)
    np.testing.assert_array_equal(found, model.predict(image[NUMBERS], axes="CYX"))
    window = (slice(3, 30), slice(0, 40))
    part = model.predict_window(ImageStack.of(lazy, axes="CYX").frame(), window)
    np.testing.assert_array_equal(part, found[window])


def test_others_are_refused(
    model: mm.MutualMeanTeachingModel, image: np.ndarray
) -> None:
    with pytest.raises(mm.InputError, match=r"channels 0, 2 of 3.*Choose 2 of its"):
        model.predict(np.concatenate([image, image[:1]]), channel_axis=0)
    with pytest.raises(mm.InputError, match="Pass an image with 3 channels, or"):
        model.predict(image[0])
    with pytest.raises(mm.InputError, match="Choose just these"):
        model.check_channels(image)


def test_parts_of_a_picked_array(image: np.ndarray) -> None:
    whole = image.transpose(1, 0, 2)
    picked, expected = PickedArray(whole, 1, (0, 2)), whole[:, NUMBERS]
    for key in ((slice(3, 9),), (4, slice(1, 2)), (..., 1, 5), (slice(2), slice(0))):
        np.testing.assert_array_equal(picked[key], expected[key])
    part = ArrayPart(picked, (5, slice(None), slice(4)), (1, 0))
    np.testing.assert_array_equal(np.asarray(part), expected[5, :, :4].T)

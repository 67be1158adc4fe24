"""Runs on a graphics card; skipped where PyTorch sees none."""

import numpy as np
import pytest
import torch

import napari_mmtseg as mm

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="PyTorch sees no CUDA graphics card here"
)


@pytest.fixture(scope="module")
def truth():
    y, x = np.mgrid[:150, :190]
    return np.hypot(y % 50 - 25, x % 50 - 25) < 15


@pytest.fixture(scope="module")
def image(truth):
    colours = np.stack([120 * truth + 40, 60 * truth + 60, 90 - 48 * truth], -1)
    noise = np.random.default_rng(0).normal(0, 12, colours.shape)
    return (colours + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"texture": 1.0},
        {"preset": "paper", "n_steps": 8},
        {"precision": "bfloat16"},
        {"crop_size": 96},
    ],
    ids=str,
)
def test_the_same_seed_gives_the_same_labels(image, values):
    first, second = (
        mm.segment(image, seed=3, device="cuda", **values) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_labels_are_as_right_as_those_of_the_processor(image, truth, device):
    labels = mm.segment(image, n_labels=2, device=device)
    agreement = np.mean(labels - 1 == truth)
    assert max(agreement, 1 - agreement) > 0.95


def test_auto_takes_the_card_and_its_model_stays_there(image):
    model = mm.fit(image)
    assert model.inference.consensus.device.type == "cuda"


def test_a_model_of_the_card_labels_on_a_processor(image, tmp_path, monkeypatch):
    model = mm.fit(image, n_labels=2, device="cuda")
    path = tmp_path / "model.safetensors"
    model.save(path)
    on_card = model.predict(image)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    loaded = mm.load_model(path)
    assert np.mean(loaded.predict(image) == on_card) > 0.99


def test_stacks_and_volumes(image):
    stack = np.stack([image[..., 0]] * 4)
    for mode in ("one_model", "slice_by_slice", "volume"):
        labels = mm.segment(stack, axes="ZYX", stack=mode, n_labels=2, device="cuda")
        assert labels.shape == stack.shape
        assert len(np.unique(labels)) == 2


def test_a_run_that_the_card_cannot_hold_ends_on_the_processor(image):
    free, _ = torch.cuda.mem_get_info()
    taken = torch.empty(int(free * 0.995), dtype=torch.uint8, device="cuda")
    ballast = []
    try:
        while True:
            ballast.append(torch.empty(2**20, dtype=torch.uint8, device="cuda"))
    except torch.cuda.OutOfMemoryError:
        pass
    large = np.tile(image, (3, 3, 1))
    try:
        with pytest.warns(UserWarning, match="processor"):
            labels = mm.segment(
                large, n_labels=2, device="cuda", working_size=512, n_steps=2
            )
    finally:
        del taken, ballast
        torch.cuda.empty_cache()
    assert labels.shape == large.shape[:2]

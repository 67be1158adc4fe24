import numpy as np
import pytest
import torch

import napari_mmtseg as mm
from napari_mmtseg.engine.examples import edge_weights, to_working_size
from napari_mmtseg.engine.losses import mutual_loss
from napari_mmtseg.engine.network import ResponseNetwork, network_depth
from napari_mmtseg.images import stack as frames

QUICK = {"n_steps": 12, "warm_start_steps": 10, "max_labels": 4, "stack": "volume"}
QUICK |= {"precision": "float32"}


def ball(shape=(12, 40, 44), radius=9, anisotropy=1.0):
    """A bright ball in dark noise; and where it is."""
    rng = np.random.default_rng(0)
    z, y, x = (i - n / 2 for i, n in zip(np.indices(shape), shape, strict=True))
    truth = (anisotropy * z) ** 2 + y**2 + x**2 < radius**2
    image = rng.normal(0, 6, shape) + 50 + 100 * truth
    return image.astype(np.uint8), truth


def test_a_volume_is_segmented_as_one():
    image, truth = ball()
    labels = mm.segment(image, n_labels=2, **QUICK)
    assert labels.shape == image.shape
    assert (labels[truth] == 2).mean() > 0.85
    assert (labels[~truth] == 1).mean() > 0.97


def test_time_is_stacked_and_channels_go(tmp_path):
    image, _ = ball()
    film = np.stack([np.stack([image, 255 - image], axis=1)] * 2)
    labels = mm.segment(film, axes="TZCYX", n_labels=2, **QUICK)
    assert labels.shape == (2, *image.shape)
    np.testing.assert_array_equal(labels[0], labels[1])


@pytest.mark.parametrize(
    ("anisotropy", "depth"), [(0.5, 3), (1, 3), (1.4, 2), (2, 2), (3, 1), (50, 1)]
)
def test_fewer_convolutions_span_slices_that_are_far_apart(anisotropy, depth):
    assert network_depth(3, 3, anisotropy) == depth
    assert network_depth(2, 3, anisotropy) is None


def test_a_network_sees_as_far_as_its_depth():
    generator = torch.Generator().manual_seed(0)
    network = ResponseNetwork(1, 4, 3, generator, depth=1).double().eval()
    image = torch.rand(1, 1, 9, 15, 15, generator=generator).double()
    changed = image.clone()
    changed[0, 0, 4, 7, 7] += 1
    with torch.no_grad():
        change = (network(image) - network(changed)).abs().amax(1)[0].numpy()
    # A convolution may round otherwise near the change than elsewhere.
    differs = change > 1e-12
    where = np.argwhere(differs)
    np.testing.assert_array_equal(where.min(0), [3, 4, 4])
    np.testing.assert_array_equal(where.max(0), [5, 10, 10])


def test_the_continuity_loss_counts_differences_along_all_axes():
    response = torch.zeros(1, 2, 2, 3, 4)
    response[0, 0, 1] = 1.0  # the second slice differs in one of two channels
    response[0, 1, :, :, 2:] = 3.0
    response.requires_grad_()
    labels = torch.zeros(2, 3, 4, dtype=torch.int64)
    losses = mutual_loss(response, labels, 1.0)
    along_z, along_x = 12 / 24, 3 * 6 / 36
    assert float(losses.continuity) == pytest.approx(along_z + along_x)
    weights = torch.full((1, 3, 4), 0.25), torch.ones(2, 2, 4), torch.ones(2, 3, 3)
    weighted = mutual_loss(response, labels, 1.0, weights)
    assert float(weighted.continuity) == pytest.approx(along_z / 4 + along_x)
    reference = -torch.log_softmax(response, 1)[0, 0].mean()
    reference = reference + sum(response.diff(dim=d).abs().mean() for d in (2, 3, 4))
    (expected,) = torch.autograd.grad(reference, response)
    (gradient,) = torch.autograd.grad(losses.total, response)
    torch.testing.assert_close(gradient, expected)


def test_edges_between_far_slices_weigh_less():
    image = np.zeros((1, 3, 4, 5), np.float32)
    deep, vertical, horizontal = edge_weights(image, 0.2, torch.device("cpu"), 2.0)
    assert deep.shape == (2, 4, 5)
    assert vertical.shape == (3, 3, 5)
    assert float(deep.max()) == 0.5
    assert float(horizontal.min()) == 1.0


def test_volumes_shrink_in_the_plane_until_they_are_isotropic():
    image = np.random.default_rng(0).random((1, 20, 200, 200)).astype(np.float32)
    small = to_working_size(image, 160, anisotropy=4.0)
    z, y, x = small.shape[1:]
    assert z == 20
    assert y == x < 200
    assert z * y * x <= 1.05 * 2 * 160**2
    assert small.mean() == pytest.approx(image.mean(), abs=1e-3)
    isotropic = to_working_size(image, 50)
    assert isotropic.shape[1] < 20
    assert to_working_size(image, None) is image


def test_tiles_of_a_volume_change_no_label(monkeypatch):
    image, _ = ball((14, 52, 44))
    model = mm.fit(image, **QUICK)
    # In float32 a voxel between two classes could go either way by rounding alone.
    model.inference.consensus.to(torch.float64)
    whole = model.predict(image)
    monkeypatch.setattr(frames, "LARGE", 100)
    monkeypatch.setattr("napari_mmtseg.engine.model.stack_inference._BLOCK", 8 * 32)
    np.testing.assert_array_equal(model.predict(image), whole)


def test_a_model_of_volumes_is_saved_whole(tmp_path):
    image, _ = ball()
    model = mm.fit(image, spacing=(3, 1, 1), **QUICK)
    model.save(tmp_path / "m.safetensors")
    again = mm.load_model(tmp_path / "m.safetensors")
    assert model.n_dims == again.n_dims == 3
    np.testing.assert_array_equal(again.predict(image), model.predict(image))
    confidence = model.confidence(image)
    assert confidence.shape == image.shape
    with pytest.raises(mm.InputError, match="needs volumes"):
        model.predict(image[0])


def test_clean_up_and_regions_are_those_of_volumes():
    image, _ = ball()
    image[3, 2, 2] = 255
    labels = mm.segment(image, n_labels=2, min_region_size=30, **QUICK)
    assert labels[3, 2, 2] == labels[3, 2, 3]
    result = mm.segment(
        image, n_labels=2, min_region_size=30, output="regions", **QUICK
    )
    inside = result[6, 20, 22]
    assert (result == inside).any(axis=(1, 2)).sum() > 10  # one piece in many slices


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"merging": "regions"}, "merging=classes"),
        ({"scribbles": np.ones((12, 40, 44), int)}, "stack=one_model"),
        ({"spacing": (1, 1)}, "Give 3 positive numbers"),
        ({"axes": "TYX"}, "needs an axis Z"),
    ],
)
def test_what_does_not_go_with_volumes(options, message):
    image, _ = ball()
    with pytest.raises(mm.InputError, match=message):
        mm.iter_segment(image, **QUICK, **options)


def test_a_single_image_is_no_volume():
    image, _ = ball()
    labels = mm.segment(image[6], **QUICK)
    np.testing.assert_array_equal(
        labels, mm.segment(image[6], **{**QUICK, "stack": "one_model"})
    )

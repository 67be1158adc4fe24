"""Kanezaki, Kim and IIC by hand and against plain PyTorch."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from napari_mmtseg import InputError
from napari_mmtseg.baselines import _iic, _kanezaki, _kim, kim
from napari_mmtseg.baselines._iic import joint_distribution, mutual_information
from napari_mmtseg.baselines._kanezaki import make_superpixels, superpixel_majority
from napari_mmtseg.baselines._pixels import Pixels
from napari_mmtseg.baselines._scribbles import Scribbles, scribble_loss
from napari_mmtseg.baselines._self_training import network_settings
from napari_mmtseg.engine.network import ResponseNetwork
from tests.baselines.images import two_values
from tests.draining import drain
from tests.engine.algorithm_1 import plain_losses

IMAGE = np.random.default_rng(2).integers(0, 255, (3, 20, 26)).astype(np.uint8)


def small_settings(method, **values):
    few = {"n_labels": None, "max_labels": 6, "min_labels": 1, "n_conv_layers": 2}
    few |= {"working_size": None, "precision": "float32", "n_steps": 4}
    return network_settings(method, **{**few, "seed": 3, **values})


def test_majority_by_hand():
    superpixels = torch.tensor([[0, 0, 1, 1], [0, 2, 2, 1]])
    clusters = torch.tensor([[4, 4, 1, 2], [0, 3, 2, 2]])
    # Superpixel 0: 4 twice; 1: 2 twice; 2: a tie of 2 and 3, which goes to 2.
    expected = [[4, 4, 2, 2], [4, 2, 2, 2]]
    assert superpixel_majority(clusters, superpixels, 5).tolist() == expected


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 9))
def test_majority_against_a_loop(seed, q, n):
    rng = np.random.default_rng(seed)
    clusters, superpixels = rng.integers(0, q, (7, 8)), rng.integers(0, n, (7, 8))
    expected = np.empty_like(clusters)
    for s in np.unique(superpixels):
        inside = superpixels == s
        expected[inside] = np.bincount(clusters[inside]).argmax()
    refined = superpixel_majority(
        torch.from_numpy(clusters), torch.from_numpy(superpixels), q
    )
    np.testing.assert_array_equal(refined.numpy(), expected)


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_superpixels_follow_the_edges_of_any_image(n_channels):
    values = np.zeros((n_channels, 32, 40), np.float32)
    values[:, :, 17:] = 1
    superpixels = make_superpixels(values, 12, 1.0)
    assert 4 <= superpixels.max() + 1 <= 24
    assert not set(superpixels[:, :17].ravel()) & set(superpixels[:, 17:].ravel())


def plain_network(settings, n_channels):
    generator = torch.Generator().manual_seed(settings.seed)
    network = ResponseNetwork(n_channels, settings.max_labels, 2, generator)
    return network.to(memory_format=torch.contiguous_format), torch.optim.SGD(
        network.parameters(), lr=settings.learning_rate, momentum=settings.momentum
    )


@pytest.mark.parametrize("method", ["kim", "kanezaki"])
def test_the_published_loop_gives_the_same_losses(method):
    beta = 2.0 if method == "kim" else 0.0
    settings = small_settings(method, continuity_weight=beta)
    values = Pixels.of(IMAGE).values
    x = torch.from_numpy(values)[None]
    network, optimizer = plain_network(settings, 3)
    superpixels = torch.from_numpy(make_superpixels(values, 60, 10.0))
    losses = []
    for _ in range(settings.n_steps):
        y = network(x)
        targets = y.argmax(1)
        if method == "kanezaki":
            targets = superpixel_majority(targets[0], superpixels, 6)[None]
        similarity, continuity = plain_losses(y, targets)
        optimizer.zero_grad()
        (similarity + beta * continuity).backward()
        optimizer.step()
        losses.append(similarity.item())
    if method == "kim":
        seen, _ = drain(_kim.steps(IMAGE, settings))
    else:
        run = _kanezaki.steps(IMAGE, settings, n_superpixels=60, compactness=10.0)
        seen, _ = drain(run)
    ours = [step.similarity_loss for step in seen if step.phase == "training"]
    np.testing.assert_allclose(ours, losses, rtol=2e-3)


def test_the_number_of_labels_falls_and_stops_the_training():
    image = two_values()[0][np.newaxis]
    settings = small_settings("kim", n_steps=300, min_labels=3, continuity_weight=5.0)
    seen, result = drain(_kim.steps(image, settings))
    counts = [step.n_labels for step in seen if step.phase == "training"]
    assert counts[-1] <= 3 < min(counts[:-1])
    assert result.n_steps == len(counts) < 300
    assert result.stop_reason == f"{counts[-1]} labels are left"


def test_the_last_labels_with_enough_classes_are_kept():
    image = two_values()[0][np.newaxis]
    settings = small_settings("kim", n_steps=300, n_labels=4, continuity_weight=50.0)
    seen, result = drain(_kim.steps(image, settings))
    assert [step.n_labels for step in seen][-1] <= 4
    assert result.labels.max() == 4


def test_kims_loss_with_scribbles_by_the_formula():
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(1, 4, 5, 6, generator=generator, dtype=torch.float64)
    clusters = y[0].argmax(0)
    painted = torch.full((5, 6), -1)
    painted[1, 2:4], painted[3, 0] = 0, 2
    losses = scribble_loss(y, clusters, painted, 3.0, 0.5)
    rows, mask = y[0].permute(1, 2, 0), painted >= 0
    similar = F.cross_entropy(rows[~mask], clusters[~mask])
    scribbled = F.cross_entropy(rows[mask], painted[mask])
    _, continuity = plain_losses(y, clusters[None])
    torch.testing.assert_close(losses.similarity, similar + 0.5 * scribbled)
    torch.testing.assert_close(losses.continuity, continuity)
    total = similar + 0.5 * scribbled + 3 * continuity
    torch.testing.assert_close(losses.total, total)


def test_scribbles_decide_between_halves_that_look_alike():
    image = np.random.default_rng(0).normal(0, 0.1, (40, 48))
    image[:, 24:] += 1
    scribbles = np.zeros((40, 48), np.uint16)
    scribbles[10, 4:20], scribbles[30, 28:44] = 7, 2
    quick = {"max_labels": 8, "n_steps": 60, "continuity_weight": 1.0}
    labels = kim(image, scribbles=scribbles, n_labels=2, **quick)
    assert set(np.unique(labels)) == {2, 7}
    assert (labels[:, :24] == 7).mean() > 0.9
    assert (labels[:, 24:] == 2).mean() > 0.9
    more = kim(image, scribbles=scribbles, n_labels=3, n_steps=2, max_labels=8)
    assert set(np.unique(more)) == {1, 2, 7}


def test_painted_pixels_keep_their_value_at_any_working_size():
    image = np.random.default_rng(0).random((60, 80))
    scribbles = np.zeros((60, 80), int)
    scribbles[5, 7], scribbles[40:42, 3:60] = 9, 4
    quick = {"working_size": 16, "n_steps": 5, "max_labels": 6}
    labels = kim(image, scribbles=scribbles, **quick)
    np.testing.assert_array_equal(labels[scribbles > 0], scribbles[scribbles > 0])
    assert labels.min() >= 1


def test_nothing_painted_changes_nothing():
    image, _ = two_values()
    quick = {"n_steps": 5, "max_labels": 6}
    empty = np.zeros(image.shape, int)
    np.testing.assert_array_equal(
        kim(image, scribbles=empty, **quick), kim(image, **quick)
    )


def test_thin_scribbles_are_still_there_when_shrunk():
    scribbles = np.zeros((90, 120), int)
    scribbles[50, :] = 3
    scribbles[:, 100] = 8
    hints = Scribbles.read(scribbles, (90, 120), small_settings("kim"))
    small = hints.shrunk((9, 12))
    assert hints.values.tolist() == [3, 8]
    assert (small[5, :10] == 0).all()
    assert (np.delete(small[:, 10], 5) == 1).all()
    assert (small >= 0).sum() == 12 + 9 - 1


@pytest.mark.parametrize(
    ("scribbles", "values", "message"),
    [
        (np.zeros((4, 4), int), {}, "shape of the image"),
        (np.zeros((20, 20)), {}, "whole numbers"),
        (np.full((20, 20), -1), {}, "from -1 to -1"),
        (np.arange(400).reshape(20, 20), {"max_labels": 50}, "max_labels=50"),
        (np.eye(20, dtype=int) + 1, {"n_labels": 1}, "2 classes .* n_labels=1"),
    ],
)
def test_bad_scribbles(scribbles, values, message):
    with pytest.raises(InputError, match=message):
        kim(np.zeros((20, 20)), scribbles=scribbles, **values)


@pytest.mark.parametrize(
    ("joint", "expected"),
    [
        ([[0.5, 0.0], [0.0, 0.5]], math.log(2)),
        ([[0.25, 0.25], [0.25, 0.25]], 0.0),
        # 2 * 0.4 ln(0.4 / 0.25) + 2 * 0.1 ln(0.1 / 0.25)
        ([[0.4, 0.1], [0.1, 0.4]], 0.8 * math.log(1.6) + 0.2 * math.log(0.4)),
        ([[1.0, 0.0], [0.0, 0.0]], 0.0),
    ],
)
def test_mutual_information_by_hand(joint, expected):
    found = mutual_information(torch.tensor(joint, dtype=torch.float64))
    assert found.item() == pytest.approx(expected, abs=1e-9)


def one_hot(labels, q):
    return F.one_hot(torch.tensor(labels), q).permute(2, 0, 1)[None].float()


def test_joint_distribution_by_hand():
    first = one_hot([[0, 1, 1, 0]], 2)
    second = one_hot([[0, 1, 0, 0]], 2)
    # Pairs 00, 11, 10, 00; the pair 10 counts half as 01.
    expected = torch.tensor([[0.5, 0.125], [0.125, 0.25]])
    torch.testing.assert_close(joint_distribution(first, second), expected)


@pytest.mark.parametrize("displacement", [(0, 1), (2, 0), (-1, 2), (-2, -3)])
def test_a_displaced_pixel_is_the_partner(displacement):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (9, 11))
    moved = np.roll(labels, displacement, (0, 1))
    joint = joint_distribution(
        one_hot(labels.tolist(), 3), one_hot(moved.tolist(), 3), displacement
    )
    assert joint.sum().item() == pytest.approx(1)
    assert (joint - joint.diag().diag()).abs().max() == 0


def test_iic_makes_the_information_grow():
    settings = small_settings("iic", n_steps=40, max_labels=4)
    seen, _ = drain(_iic.steps(two_values()[0][np.newaxis], settings))
    losses = [step.similarity_loss for step in seen if step.phase == "training"]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.05
    # No more than the entropy of as many labels.
    assert -math.log(4) - 1e-6 <= min(losses) <= max(losses) <= 0


def test_iic_undoes_the_flip():
    class Recording:
        """A network whose response is the image itself, so that a flip would show."""

        def __call__(self, image):
            return torch.cat([image, -image], 1) * 50

    seen = []

    def keep(pixels, settings, make_teacher, watch):
        teach = make_teacher(pixels, torch.device("cpu"))
        image = torch.from_numpy(pixels.values)[None].requires_grad_()
        lessons = [teach(Recording(), image) for _ in range(12)]
        seen.extend(lesson.losses.similarity.item() for lesson in lessons)
        yield

    half = np.zeros((1, 16, 20), np.float32)
    half[:, :8, :] = 1
    half[:, :, :10] = 1 - half[:, :, :10]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_iic, "self_train", keep)
        settings = small_settings("iic")
        list(_iic.steps(half - 0.5, settings, max_displacement=0))
    assert len(seen) == 12
    assert max(seen) - min(seen) < 0.2

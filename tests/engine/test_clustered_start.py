import numpy as np
import pytest
import torch

from napari_mmtseg.engine.examples import make_examples
from napari_mmtseg.engine.training import make_peers
from napari_mmtseg.settings.fields import SegmentationSettings


def squares(n_channels, n_values, shape=(64, 64)):
    """Squares of 16 pixels, each with one of several values in every channel."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n_values, n_channels)).astype(np.float32)
    grid = rng.integers(0, n_values, tuple(n // 16 for n in shape))
    image = values[np.kron(grid, np.ones((16, 16), int))]
    image = np.moveaxis(image, -1, 0)
    return image + rng.normal(0, 0.01, image.shape).astype(np.float32)


def share_reproduced(image, settings, anisotropy=1.0, depth=None):
    (example,) = make_examples([image], settings, torch.device("cpu"), anisotropy)
    shares = []
    for peer in make_peers([example], settings, torch.device("cpu"), depth):
        for network in (peer.student, peer.teacher):
            with torch.no_grad():
                found = network(example.image)[0].argmax(0)
            shares.append(float((found == example.start).float().mean()))
    return min(shares)


@pytest.mark.parametrize("n_channels", [1, 3, 12])
def test_both_peers_start_with_the_clusters(n_channels):
    settings = SegmentationSettings(max_labels=8)
    # The networks blur more than the clustering does, and pad the image.
    assert share_reproduced(squares(n_channels, 12), settings) > 0.7


def test_fewer_values_than_clusters():
    settings = SegmentationSettings(max_labels=8)
    halves = np.zeros((1, 32, 32), np.float32)
    halves[:, :, 16:] = 1
    assert share_reproduced(halves, settings) > 0.5
    assert share_reproduced(np.zeros((1, 32, 32), np.float32), settings) == 1


def test_volumes():
    settings = SegmentationSettings(max_labels=8)
    volume = np.stack([squares(1, 12)] * 4, axis=1)
    assert share_reproduced(volume, settings, anisotropy=2.0, depth=2) > 0.6


def test_peers_differ_all_the_same():
    settings = SegmentationSettings(max_labels=8, teaching="mutual")
    examples = make_examples([squares(3, 5)], settings, torch.device("cpu"))
    first, second = make_peers(examples, settings, torch.device("cpu"))
    weights = [peer.student.layers[0].weight.detach() for peer in (first, second)]
    torch.testing.assert_close(weights[0][:6], weights[1][:6])
    assert not torch.allclose(weights[0][6:], weights[1][6:])


@pytest.mark.parametrize("max_labels", [2, 3])
def test_networks_too_small_to_carry_a_value_stay_random(max_labels):
    settings = SegmentationSettings(max_labels=max_labels)
    examples = make_examples([squares(3, 5)], settings, torch.device("cpu"))
    found = make_peers(examples, settings, torch.device("cpu"))
    plain = [type(e)(e.image) for e in examples]
    random = make_peers(plain, settings, torch.device("cpu"))
    for here, there in zip(found, random, strict=True):
        expected = there.student.state_dict()
        for name, value in here.student.state_dict().items():
            torch.testing.assert_close(value, expected[name])

"""Cancel is heard in the middle of a step."""

import numpy as np
import pytest
import torch

import napari_mmtseg as mm
from napari_mmtseg.engine.cancellation import cancellable
from napari_mmtseg.engine.network import ResponseNetwork
from tests.draining import drain

IMAGE = np.random.default_rng(0).integers(0, 255, (24, 30), np.uint8)
QUICK = {"n_steps": 6, "warm_start_steps": 2, "max_labels": 6, "precision": "float32"}


def network():
    return ResponseNetwork(1, 4, 2, torch.Generator().manual_seed(0))


class After:
    """Say yes from the n-th question on."""

    def __init__(self, n):
        self.n, self.asked = n, 0

    def __call__(self):
        self.asked += 1
        return self.asked >= self.n


def test_it_asks_after_every_layer_forwards_and_backwards():
    net, never = network(), After(10**9)
    with cancellable([net], never):
        response = net(torch.rand(1, 1, 9, 9))
        assert never.asked == len(net.layers) == 8
        response.sum().backward()
    assert never.asked == 2 * 8
    net(torch.rand(1, 1, 9, 9))
    assert never.asked == 2 * 8


@pytest.mark.parametrize("n", [3, 8, 12])
def test_it_leaves_at_once(n):
    net, soon = network(), After(n)
    with pytest.raises(mm.Cancelled), cancellable([net], soon):
        net(torch.rand(1, 1, 9, 9)).sum().backward()
    assert soon.asked == n


@pytest.mark.parametrize("n", [1, 30, 200])
def test_a_segmentation_can_be_cancelled(n):
    after = After(n)
    with pytest.raises(mm.Cancelled):
        list(mm.iter_segment(IMAGE, should_cancel=after, **QUICK))
    assert after.asked == n


def test_asking_changes_nothing():
    def labels(**options):
        return drain(mm.iter_segment(IMAGE, **options, **QUICK))[1].labels

    np.testing.assert_array_equal(labels(), labels(should_cancel=lambda: False))

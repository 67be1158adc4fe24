import math

import pytest
import torch

from napari_mmtseg.engine.losses import (
    PaintedPixels,
    mutual_loss,
    pseudo_labels,
)
from tests.engine.algorithm_1 import plain_losses


def random_case(q=5, height=6, width=7, dtype=torch.float64, weighted=False):
    generator = torch.Generator().manual_seed(3)
    response = torch.randn(1, q, height, width, generator=generator, dtype=dtype)
    response = response.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(q, (height, width), generator=generator)
    weights = None
    if weighted:
        weights = (
            torch.rand(height - 1, width, generator=generator, dtype=dtype),
            torch.rand(height, width - 1, generator=generator, dtype=dtype),
        )
    return response.requires_grad_(), labels, weights


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("beta", [0.0, 0.7])
def test_gradient_against_finite_differences(beta, weighted):
    response, labels, weights = random_case(weighted=weighted)
    assert torch.autograd.gradcheck(
        lambda y: mutual_loss(y, labels, beta, weights).total, response
    )


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_losses_and_gradient_equal_the_plain_formula(layout):
    response, labels, _ = random_case()
    response = response.detach().contiguous(memory_format=layout).requires_grad_()
    losses = mutual_loss(response, labels, 0.7)
    (gradient,) = torch.autograd.grad(losses.total, response)
    similarity, continuity = plain_losses(response, labels[None])
    (expected,) = torch.autograd.grad(similarity + 0.7 * continuity, response)
    torch.testing.assert_close(losses.similarity, similarity)
    torch.testing.assert_close(losses.continuity, continuity)
    torch.testing.assert_close(gradient, expected)


def test_gradient_keeps_the_channels_last_layout():
    response, labels, _ = random_case()
    (gradient,) = torch.autograd.grad(mutual_loss(response, labels, 1).total, response)
    assert gradient.stride() == response.stride()


def test_gradient_scales_with_what_comes_from_above():
    response, labels, _ = random_case()
    once = torch.autograd.grad(mutual_loss(response, labels, 1).total, response)[0]
    thrice = torch.autograd.grad(3 * mutual_loss(response, labels, 1).total, response)
    torch.testing.assert_close(thrice[0], 3 * once)


def test_losses_by_hand():
    # Two labels, one row of two pixels: responses (0, 0) and (0, log 3).
    response = torch.tensor([[[[0.0, 0.0]], [[0.0, math.log(3)]]]], dtype=torch.float64)
    labels = torch.tensor([[0, 1]])
    losses = mutual_loss(response, labels, 2.0)
    similarity = (math.log(2) + math.log(4 / 3)) / 2
    continuity = math.log(3) / 2  # mean over the two channels of one difference
    assert losses.similarity.item() == pytest.approx(similarity)
    assert losses.continuity.item() == pytest.approx(continuity)
    assert losses.total.item() == pytest.approx(similarity + 2 * continuity)


def test_zero_weights_switch_the_continuity_loss_off():
    response, labels, _ = random_case()
    weights = (
        torch.zeros(5, 7, dtype=torch.float64),
        torch.zeros(6, 6, dtype=torch.float64),
    )
    assert mutual_loss(response, labels, 1.0, weights).continuity.item() == 0


def test_bfloat16_gradient_is_close():
    rough, labels, weights = random_case(dtype=torch.bfloat16, weighted=True)
    exact = rough.detach().double().requires_grad_()
    coarse, expected = (
        torch.autograd.grad(mutual_loss(y, labels, 1, weights).total, y)[0].double()
        for y in (rough, exact)
    )
    # Roundings of 2^-9 each: softmax, minus one, division, a weight, four additions.
    atol = 8 * 2**-9 * float(expected.abs().max())
    torch.testing.assert_close(coarse, expected, atol=atol, rtol=0)


def test_pseudo_labels_are_the_argmax():
    response, _, _ = random_case()
    expected = response.argmax(1)[0]
    assert torch.equal(pseudo_labels(response), expected)


def painted_case():
    """Two painted pixels, one of a class of two channels, one painted twice."""
    return PaintedPixels(
        torch.tensor([3, 40, 40]),
        torch.tensor([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]]).bool(),
        torch.tensor([0.5, 0.25, 0.125], dtype=torch.float64),
    )


def test_painted_loss_by_hand():
    response = torch.zeros(1, 3, 1, 2, dtype=torch.float64)
    response[0, :, 0, 1] = torch.tensor([2.0, 1.0, 0.0]).log().clamp_min(-1e9)
    painted = PaintedPixels(
        torch.tensor([0, 1]),
        torch.tensor([[True, True, False], [False, True, False]]),
        torch.tensor([0.5, 2.0], dtype=torch.float64),
    )
    labels = torch.zeros(1, 2, dtype=torch.int64)
    losses = mutual_loss(response.requires_grad_(), labels, 0, None, painted)
    # The first pixel's class has two of three equal channels, the second's one third.
    expected = -0.5 * math.log(2 / 3) - 2 * math.log(1 / 3)
    assert float((losses.total - losses.similarity).detach()) == pytest.approx(expected)
    losses.total.backward()
    similarity = torch.tensor([[1 / 3 - 1, 1 / 3, 1 / 3], [2 / 3 - 1, 1 / 3, 0]]) / 2
    of_painted = torch.tensor(
        [
            [0.5 * (1 / 3 - 1 / 2), 0.5 * (1 / 3 - 1 / 2), 0.5 / 3],
            [2 * 2 / 3, 2 * (1 / 3 - 1), 0],
        ]
    )
    gradient = response.grad[0, :, 0].T.float()
    torch.testing.assert_close(gradient, similarity + of_painted)


def test_gradient_of_painted_pixels_against_finite_differences():
    response, labels, weights = random_case(weighted=True)
    assert torch.autograd.gradcheck(
        lambda y: mutual_loss(y, labels, 0.7, weights, painted_case()).total, response
    )

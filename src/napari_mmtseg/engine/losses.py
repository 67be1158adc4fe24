"""Similarity and continuity loss with their gradient, in one pass over the response."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

EdgeWeights = tuple[Tensor, ...]
"""Weights of the differences of neighbours, one tensor for each axis of ([Z,] Y, X)."""


class PaintedPixels(NamedTuple):
    """Pixels of scribbles and the response channels of their classes.

    `places` (n,) are their indices, counted row by row, `channels` (n, q) bool the
    channels of each pixel's class, and `weights` (n,) their weights in the loss.
    """

    places: Tensor
    channels: Tensor
    weights: Tensor


class Losses(NamedTuple):
    """A loss to differentiate and its two parts, all scalar tensors."""

    total: Tensor
    similarity: Tensor
    continuity: Tensor


def mutual_loss(
    response: Tensor,
    labels: Tensor,
    beta: float,
    weights: EdgeWeights | None = None,
    painted: PaintedPixels | None = None,
) -> Losses:
    """L_sim + beta * L_tv of a response map (Algorithm 1, L1 and L2), + L_painted.

    L_sim is the mean cross-entropy of the response (1, q, [Z,] Y, X), best in
    channels-last layout, against the aligned pseudo labels ([Z,] Y, X) over pixels;
    L_tv the mean absolute vertical plus the mean absolute horizontal difference of
    neighbouring responses, in volumes plus that along z, optionally weighted. L_painted
    is the weighted sum over painted pixels of the cross-entropy of the probability of
    their class, summed over its channels. Only `total` carries a gradient.
    """
    of_axes = weights or (None,) * (response.ndim - 2)
    parts = _MutualLoss.apply(response, labels, beta, of_axes, painted)  # type: ignore[no-untyped-call]
    return Losses(*parts)


def pseudo_labels(response: Tensor) -> Tensor:
    """Argmax over the channels of (1, q, [Z,] Y, X), as int64 ([Z,] Y, X)."""
    # max() over the last axis is more than twice as fast as argmax() on a CPU.
    return _channels_last(response).max(-1).indices[0]


def _channels_last(response: Tensor) -> Tensor:
    return response.movedim(1, -1).contiguous()


class _MutualLoss(torch.autograd.Function):
    """The loss with its gradient from the forward pass, in the response's layout.

    A gradient in another memory format sends batch norm's backward pass down a slow
    path, and autograd's own narrow, fill and copy of the neighbour differences cost as
    much as the convolutions.
    """

    @staticmethod
    def forward(
        ctx: Any,
        response: Tensor,
        labels: Tensor,
        beta: float,
        weights: tuple[Tensor | None, ...],
        painted: PaintedPixels | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        y = _channels_last(response)
        wide = torch.promote_types(y.dtype, torch.float32)
        n_pixels = labels.numel()
        target = labels[None, ..., None]
        gradient = torch.softmax(y, -1)
        of_painted = None
        if painted is not None:
            of_painted = _painted_loss(gradient.view(-1, y.shape[-1]), painted, wide)
        probability = gradient.gather(-1, target).to(wide)
        similarity = -probability.clamp_min(torch.finfo(wide).tiny).log().mean()
        minus_one = gradient.new_full((1,) * y.ndim, -1).expand_as(target)
        gradient.scatter_add_(-1, target, minus_one).div_(n_pixels)

        continuity = similarity.new_zeros(())
        buffer = torch.empty_like(y)
        for axis, weight in enumerate(weights, 1):
            n = y.shape[axis] - 1
            if n == 0:
                continue
            after, before = y.narrow(axis, 1, n), y.narrow(axis, 0, n)
            difference = buffer.narrow(axis, 0, n)
            torch.sub(after, before, out=difference)
            scale = 1 / difference.numel()
            if weight is None:
                norm = torch.linalg.vector_norm(difference, 1).to(wide)
                difference.sign_()
            else:
                weighted = weight.to(y.dtype).unsqueeze(-1)
                difference.mul_(weighted)
                norm = torch.linalg.vector_norm(difference, 1).to(wide)
                difference.sign_().mul_(weighted)
            continuity = continuity + norm * scale
            gradient.narrow(axis, 1, n).add_(difference, alpha=beta * scale)
            gradient.narrow(axis, 0, n).sub_(difference, alpha=beta * scale)

        total = similarity + beta * continuity
        if of_painted is not None and painted is not None:
            loss, change = of_painted
            total = total + loss
            gradient.view(-1, y.shape[-1]).index_add_(0, painted.places, change)
        ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(similarity, continuity)
        return total, similarity, continuity

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, total: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        if total.device.type != "cpu" or total.item() != 1:
            gradient = gradient * total.to(gradient.dtype)
        # Permuted as a whole: strides of an axis added later would hide the layout.
        return gradient.movedim(-1, 1), None, None, None, None


def _painted_loss(
    probability: Tensor, painted: PaintedPixels, wide: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return L_painted and its gradient, (n, q), with respect to their responses."""
    every = probability[painted.places].to(wide)
    own = every * painted.channels
    of_class = own.sum(1, keepdim=True).clamp_min(torch.finfo(wide).tiny)
    loss = -(of_class[:, 0].log() * painted.weights).sum()
    gradient = (every - own / of_class) * painted.weights[:, None]
    return loss, gradient.to(probability.dtype)

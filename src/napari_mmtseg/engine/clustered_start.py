"""Initial weights with which a network reproduces a clustering of its pixels.

K-means is linear: a pixel x belongs to the cluster k with the largest
``m_k x - |m_k|^2 / 2``. So some channels of the network carry the blurred pixel through
all layers, and the last layer has the means. Gradient descent from there takes a third
of the steps that it takes from random weights, which all other channels keep.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_mmtseg.engine.network import CONVOLUTIONS, NORMS, ResponseNetwork

_RANDOM = 2
"""Channels that keep their random weights at least."""

_UNDECIDED = 0.63
"""Cross-entropy of the responses and the clusters at first, over that of responses that
say nothing: sharper ones would follow noise, which training then hardly takes out."""

_GAIN = 0.8
"""Size of the weights. Batch norm takes it out of the responses; the larger, the less
a step of gradient descent changes them."""

_BLUR = (1 / 3, 1 / 3, 1 / 3)
_SAMPLES = 10_000
_EMPTY = 10.0
"""Distance of the response of an empty cluster below the lowest of the others."""


@torch.no_grad()
def reproduce_clusters(
    network: ResponseNetwork, image: Tensor, clusters: Tensor
) -> None:
    """Set the weights of a network so that its labels are the clusters of an image.

    The image is (1, C, [Z,] Y, X), the clusters are ([Z,] Y, X). The values that matter
    have to fit into half of the channels, since a rectified channel carries one sign:
    the directions in which the means differ most, as many as fit. Networks with less
    than four channels are left as they are.
    """
    convolutions = [m for m in network.layers if isinstance(m, CONVOLUTIONS)]
    norms = [m for m in network.layers if isinstance(m, NORMS)]
    n_labels = convolutions[-1].out_channels
    starts = clusters.flatten()
    directions = _directions(_pixels(image), starts, n_labels)
    n = len(directions)
    if not n:
        return
    carried = _Carried.all_of(directions)
    for convolution, norm in zip(convolutions[:-1], norms[:-1], strict=True):
        carried.through(convolution)
        rectified = F.relu(convolution(image))
        carried = _Carried.after(_pixels(rectified), norm.eps, n)
        convolution.weight[: 2 * n] *= _GAIN
        convolution.bias[: 2 * n] *= _GAIN  # type: ignore[index]
        image = norm(rectified)
    channels = _pixels(image)
    values = channels @ carried.weight.T + carried.bias
    inner = _off_the_border(image, network.halo)
    means, counts = _means(values[inner], starts[inner], n_labels)
    weight = means @ carried.weight
    bias = means @ carried.bias - 0.5 * (means**2).sum(1)
    _set_last(convolutions[-1], norms[-1], weight, bias, channels, starts, counts > 0)


def _directions(pixels: Tensor, starts: Tensor, n_labels: int) -> Tensor:
    """Return directions (n, C) that tell the cluster means of pixels (p, C) apart."""
    n_channels, at_most = pixels.shape[1], (n_labels - _RANDOM) // 2
    if n_channels <= at_most:
        return torch.eye(n_channels, dtype=pixels.dtype, device=pixels.device)
    means, counts = _means(pixels, starts, n_labels)
    centred = (means - pixels.mean(0)) * counts.sqrt()[:, None]
    found: Tensor = torch.linalg.svd(centred, full_matrices=False).Vh[:at_most]
    return found


@dataclass(frozen=True)
class _Carried:
    """Linear functions of normalised channels that are the values carried so far.

    `weight` (n, c) and `bias` (n,) give them from the c channels of an image.
    """

    weight: Tensor
    bias: Tensor

    @classmethod
    def all_of(cls, directions: Tensor) -> _Carried:
        return cls(directions, torch.zeros_like(directions[:, 0]))

    @classmethod
    def after(cls, rectified: Tensor, eps: float, n: int) -> _Carried:
        """Undo rectification and batch norm, whose input is `rectified` (p, c)."""
        variance, mean = torch.var_mean(rectified, 0, correction=0)
        deviation = (variance + eps).sqrt()
        weight = mean.new_zeros(n, len(mean))
        place = torch.arange(n, device=mean.device)
        weight[place, 2 * place] = deviation[: 2 * n : 2]
        weight[place, 2 * place + 1] = -deviation[1 : 2 * n : 2]
        return cls(weight, mean[: 2 * n : 2] - mean[1 : 2 * n : 2])

    def through(self, convolution: nn.Conv2d | nn.Conv3d) -> None:
        """Let the first channels of a convolution carry the values, blurred.

        Every value takes two channels, one for each sign.
        """
        size = convolution.kernel_size
        kernel = self.weight.new_ones(1)
        for n in size:
            line = kernel.new_tensor(_BLUR) if n == 3 else kernel.new_ones(1)
            kernel = kernel[..., None] * line
        kernel = kernel[0]
        weight, bias = convolution.weight, convolution.bias
        assert bias is not None
        n = 2 * len(self.weight)
        spread = self.weight.reshape(*self.weight.shape, *[1] * len(size)) * kernel
        for sign, first in ((1, 0), (-1, 1)):
            weight[first:n:2] = sign * spread
            bias[first:n:2] = sign * self.bias


def _set_last(
    last: nn.Conv2d | nn.Conv3d,
    norm: nn.BatchNorm2d | nn.BatchNorm3d,
    weight: Tensor,
    bias: Tensor,
    channels: Tensor,
    starts: Tensor,
    used: Tensor,
) -> None:
    """Make the responses linear functions (q, c) of channels (p, c), sharp enough."""
    responses = channels @ weight.T + bias
    variance, mean = torch.var_mean(responses, 0, correction=0)
    every = max(len(starts) // _SAMPLES, 1)
    sample = responses[::every].masked_fill(~used, -torch.inf)
    aim = _UNDECIDED * float(used.sum().log())
    sharpness = _sharpness(sample, starts[::every], aim)
    assert last.bias is not None
    last.weight.copy_(_GAIN * weight.reshape(last.weight.shape))
    last.bias.copy_(_GAIN * bias)
    # Undo what batch norm will do to the responses.
    deviation = (_GAIN**2 * variance + norm.eps).sqrt() / _GAIN
    norm.weight.copy_(torch.where(used, sharpness * deviation, 1e-3))
    lowest = (sharpness * mean)[used].min() - _EMPTY
    norm.bias.copy_(torch.where(used, sharpness * mean, lowest))


def _sharpness(responses: Tensor, labels: Tensor, aim: float) -> float:
    """Return the factor with which responses have the wanted cross-entropy."""
    low, high = 1e-2, 1e4
    for _ in range(25):
        middle = (low * high) ** 0.5
        if float(F.cross_entropy(responses * middle, labels)) > aim:
            low = middle
        else:
            high = middle
    return high


def _pixels(image: Tensor) -> Tensor:
    """Return the pixels (n, C) of an image (1, C, [Z,] Y, X)."""
    return image[0].flatten(1).T


def _off_the_border(image: Tensor, width: int) -> Tensor:
    """Return which pixels (n,) no padding reaches; all, if it reaches nearly all."""
    inner = torch.zeros(image.shape[2:], dtype=torch.bool, device=image.device)
    inside = [
        slice(width, -width) if n >= 4 * width else slice(None) for n in inner.shape
    ]
    inner[tuple(inside)] = True
    return inner.flatten()


def _means(pixels: Tensor, labels: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Return the mean (n, C) and the number (n,) of the pixels of every label."""
    counts = torch.bincount(labels, minlength=n)
    sums = pixels.new_zeros(n, pixels.shape[1]).index_add_(0, labels, pixels)
    return sums / counts.clamp_min(1)[:, None], counts

"""Mutual information between an image and its changed copy: Ji et al. 2019."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_mmtseg.baselines._method import UNWATCHED, Steps, Watch
from napari_mmtseg.baselines._pixels import Pixels
from napari_mmtseg.baselines._self_training import (
    Predict,
    SelfTrainingStep,
    network,
    one_loss,
    self_train,
)
from napari_mmtseg.engine.losses import pseudo_labels
from napari_mmtseg.settings.fields import SegmentationSettings

MAX_DISPLACEMENT = 2


def steps(
    channels: NDArray[Any],
    settings: SegmentationSettings,
    watch: Watch = UNWATCHED,
    *,
    max_displacement: int = MAX_DISPLACEMENT,
) -> Steps:
    """Invariant information clustering [1]_, trained on the one image.

    A network labels the image and a copy of it with other brightness, contrast and
    noise, flipped at random. The copy's prediction is flipped back, and the mutual
    information between the labels of a pixel and of one displaced by a few pixels, as
    the paper's equation 5 has it, is made as large as possible. Only the
    loss is that of the paper; network and optimiser are those of the other methods.

    Parameters
    ----------
    seed : int
        Of the initial weights and of the copies.
    n_labels : int, optional
        Labels of similar colour are grouped until this many classes remain.
    max_displacement : int
        Largest displacement in pixels along each axis, drawn again in every step.

    References
    ----------
    .. [1] Ji, Henriques, Vedaldi, "Invariant information clustering for unsupervised
           image classification and segmentation", ICCV 2019.
    """
    # Another sequence than that of the initial weights.
    rng = np.random.default_rng([settings.seed, 1])
    noise = torch.Generator().manual_seed(int(rng.integers(2**31)))

    def teach(predict: Predict, image: Tensor) -> SelfTrainingStep:
        flips = [axis for axis in (2, 3) if rng.random() < 0.5]
        copy = _jittered(image, rng, noise).flip(flips)
        response, other = predict(image), predict(copy).flip(flips)
        most = min(max_displacement, min(image.shape[2:]) - 1)
        displacement = rng.integers(-most, most + 1, 2)
        joint = joint_distribution(
            response.float().softmax(1), other.float().softmax(1), displacement
        )
        losses = one_loss(-mutual_information(joint))
        return SelfTrainingStep(losses, pseudo_labels(response.detach()))

    return self_train(Pixels.of(channels), settings, lambda *_: teach, watch)


iic = network("iic", steps, max_displacement=(0, 100))


def _jittered(
    image: Tensor, rng: np.random.Generator, noise: torch.Generator
) -> Tensor:
    gain = rng.uniform(0.8, 1.25)
    offset = rng.uniform(-0.1, 0.1)
    grain = torch.randn(image.shape, generator=noise, dtype=image.dtype)
    return image * gain + offset + rng.uniform(0, 0.05) * grain.to(image.device)


def joint_distribution(
    first: Tensor, second: Tensor, displacement: ArrayLike = (0, 0)
) -> Tensor:
    """Return the joint distribution of the labels of pixels and displaced pixels.

    `first` and `second` (1, q, Y, X) are probabilities of labels, `displacement` the
    rows and columns from a pixel of one to its partner in the other. The result (q, q)
    is symmetric, with sum 1.
    """
    for axis, step in zip((2, 3), np.asarray(displacement).tolist(), strict=True):
        n = first.shape[axis] - abs(step)
        first = first.narrow(axis, max(-step, 0), n)
        second = second.narrow(axis, max(step, 0), n)
    rows, partners = (p[0].flatten(1) for p in (first, second))
    joint = rows @ partners.T
    joint = (joint + joint.T) / 2
    return joint / joint.sum()


def mutual_information(joint: Tensor) -> Tensor:
    """Return the mutual information in nats of a joint distribution (q, q)."""
    p = joint.clamp_min(torch.finfo(joint.dtype).tiny)
    marginal = p.sum(1).log()[:, None] + p.sum(0).log()[None]
    return (p * (p.log() - marginal)).sum()

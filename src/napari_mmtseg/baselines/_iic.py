"""Mutual information between an image and its changed copy: Ji et al. 2019."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_mmtseg.baselines._pixels import Pixels, checked_number
from napari_mmtseg.baselines._run import (
    UNWATCHED,
    Segmented,
    Watch,
    network_settings,
)
from napari_mmtseg.baselines._self_training import (
    Predict,
    SelfTrainingStep,
    self_train,
)
from napari_mmtseg.engine.losses import Losses, pseudo_labels
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.progress import SegmentationStep, drain
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["iic", "joint_distribution", "mutual_information", "steps"]

MAX_DISPLACEMENT = 2


def iic(
    image: ArrayLike,
    *,
    channel_axis: int | None = None,
    seed: int = 0,
    n_labels: int | None = None,
    max_displacement: int = MAX_DISPLACEMENT,
    max_labels: int = 8,
    min_labels: int = 1,
    n_conv_layers: int = 2,
    n_steps: int = 200,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    working_size: int | None = None,
    device: str = "auto",
    precision: str = "float32",
) -> NDArray[np.int32]:
    """Invariant information clustering [1]_, trained on the one image.

    A network labels the image and a copy of it with other brightness, contrast and
    noise, flipped at random. The copy's prediction is flipped back, and the mutual
    information between the labels of a pixel and of one displaced by a few pixels, as
    the paper's equation 5 has it, is made as large as possible. Of the paper this is
    the loss; the network and optimiser are those of the other methods here.

    Parameters
    ----------
    image : array-like
        As for :func:`napari_mmtseg.segment`.
    channel_axis : int, optional
        Axis of the channels.
    seed : int
        Of the initial weights and of the copies.
    n_labels : int, optional
        Labels of similar colour are grouped until so many classes remain.
    max_displacement : int
        Largest displacement in pixels along each axis, drawn anew in every step.
    max_labels : int
        Output channels, all of which the loss wants to use alike; raised to `n_labels`.
    min_labels, n_conv_layers, n_steps, learning_rate, momentum
        The number of labels to stop at, 3x3 convolutions, steps and the optimiser.
    working_size : int, optional
        Long side in pixels of the image that the network sees, whose labels are brought
        back by the nearest neighbour; full resolution without it.
    device : {"auto", "cpu", "cuda", "mps"}
        Where the network runs.
    precision : {"auto", "float32", "bfloat16"}
        Number format of the convolutions.

    Returns
    -------
    (Y, X) ndarray of int32
        Labels 1..k from dark to bright.

    Raises
    ------
    InputError
        If the image or a parameter cannot be used.

    References
    ----------
    .. [1] Ji, Henriques, Vedaldi, "Invariant information clustering for unsupervised
           image classification and segmentation", ICCV 2019.
    """
    settings = network_settings(
        "iic",
        seed=seed,
        n_labels=n_labels,
        max_labels=max_labels,
        min_labels=min_labels,
        n_conv_layers=n_conv_layers,
        n_steps=n_steps,
        learning_rate=learning_rate,
        momentum=momentum,
        working_size=working_size,
        device=device,
        precision=precision,
    )
    most = checked_number(int, "max_displacement", max_displacement, 0, 100)
    channels = as_channels_first(image, channel_axis)
    return drain(steps(channels, settings, max_displacement=most)).labels


def steps(
    channels: NDArray[Any],
    settings: SegmentationSettings,
    watch: Watch = UNWATCHED,
    *,
    max_displacement: int = MAX_DISPLACEMENT,
) -> Generator[SegmentationStep, str | None, Segmented]:
    """Do the same as :func:`iic` on a (C, Y, X) image, as a generator."""
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
        loss = -mutual_information(joint)
        value = loss.detach()
        losses = Losses(loss, value, torch.full_like(value, torch.nan))
        return SelfTrainingStep(losses, pseudo_labels(response.detach()))

    return self_train(Pixels.of(channels), settings, lambda *_: teach, watch)


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
    """How often a pixel has one label and the displaced pixel another.

    Parameters
    ----------
    first, second : Tensor, (1, q, Y, X)
        Probabilities of the labels.
    displacement : (2,) array-like of int
        Rows and columns from a pixel of `first` to its partner in `second`.

    Returns
    -------
    Tensor, (q, q)
        Symmetric, with sum 1.
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
    """Mutual information in nats of a joint distribution (q, q)."""
    p = joint.clamp_min(torch.finfo(joint.dtype).tiny)
    marginal = p.sum(1).log()[:, None] + p.sum(0).log()[None]
    return (p * (p.log() - marginal)).sum()

"""One network, its own labels and a continuity loss: Kim et al. 2020."""

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
from napari_mmtseg.baselines._scribbles import Scribbles, scribble_loss
from napari_mmtseg.baselines._self_training import (
    Predict,
    SelfTrainingStep,
    Teach,
    self_train,
)
from napari_mmtseg.engine.losses import mutual_loss, pseudo_labels
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.progress import SegmentationStep, drain
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["kim", "steps"]


def kim(
    image: ArrayLike,
    *,
    channel_axis: int | None = None,
    seed: int = 0,
    n_labels: int | None = None,
    continuity_weight: float = 5.0,
    scribbles: ArrayLike | None = None,
    scribble_weight: float = 0.5,
    max_labels: int = 100,
    min_labels: int = 3,
    n_conv_layers: int = 2,
    n_steps: int = 1000,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    working_size: int | None = None,
    device: str = "auto",
    precision: str = "float32",
) -> NDArray[np.int32]:
    """Train one network on its own labels and on continuity [1]_.

    The network learns its own argmax, while the mean absolute difference of
    neighbouring responses is held down. All defaults are the published ones; the
    continuity weight is that of the paper for BSDS500 (its program has 1).

    Parameters
    ----------
    image : array-like
        As for :func:`napari_mmtseg.segment`.
    channel_axis : int, optional
        Axis of the channels.
    seed : int
        Of the initial weights.
    n_labels : int, optional
        Training stops when no more labels than these are left, and labels of similar
        colour are grouped until so many classes remain.
    continuity_weight : float
        Weight of the continuity loss, the paper's mu.
    scribbles : (Y, X) array-like of int, optional
        Painted pixels keep their value, from 1 up; 0 is unpainted. Pixels that are
        given to the channel of a painted class get its value, all others the values
        that were not painted, from dark to bright. Training then stops when no more
        labels than the painted ones are left, whatever `min_labels` is.
    scribble_weight : float
        Weight of the cross-entropy on the painted pixels.
    max_labels, min_labels, n_conv_layers, n_steps, learning_rate, momentum
        The paper's q, the number of labels to stop at, M, T and the optimiser.
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
        Labels 1..k from dark to bright; with scribbles their values.

    Raises
    ------
    InputError
        If the image, the scribbles or a parameter cannot be used.

    References
    ----------
    .. [1] Kim, Kanezaki, Tanaka, "Unsupervised learning of image segmentation based on
           differentiable feature clustering", IEEE Transactions on Image Processing 29,
           2020, and github.com/kanezaki/pytorch-unsupervised-segmentation-tip.
    """
    settings = network_settings(
        "kim",
        seed=seed,
        n_labels=n_labels,
        continuity_weight=continuity_weight,
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
    weight = checked_number(float, "scribble_weight", scribble_weight)
    channels = as_channels_first(image, channel_axis)
    if scribbles is None:
        return drain(steps(channels, settings)).labels
    hints = Scribbles.read(scribbles, channels.shape[1:], settings)
    if not hints.values.size:
        return drain(steps(channels, settings)).labels
    return _segment_with_scribbles(channels, settings, hints, weight)


def steps(
    channels: NDArray[Any],
    settings: SegmentationSettings,
    watch: Watch = UNWATCHED,
) -> Generator[SegmentationStep, str | None, Segmented]:
    """Do the same as :func:`kim` on a (C, Y, X) image, as a generator."""

    def teach(predict: Predict, image: Tensor) -> SelfTrainingStep:
        response = predict(image)
        clusters = pseudo_labels(response.detach())
        return SelfTrainingStep(
            mutual_loss(response, clusters, settings.continuity_weight), clusters
        )

    return self_train(Pixels.of(channels), settings, lambda *_: teach, watch)


def _segment_with_scribbles(
    channels: NDArray[Any],
    settings: SegmentationSettings,
    scribbles: Scribbles,
    weight: float,
) -> NDArray[np.int32]:
    def make_teacher(pixels: Pixels, device: torch.device) -> Teach:
        painted = torch.from_numpy(scribbles.shrunk(pixels.shape)).to(device)

        def teach(predict: Predict, image: Tensor) -> SelfTrainingStep:
            response = predict(image)
            clusters = pseudo_labels(response.detach())
            beta = settings.continuity_weight
            losses = scribble_loss(response, clusters, painted, beta, weight)
            return SelfTrainingStep(losses, clusters)

        return teach

    settings = settings.replace(min_labels=len(scribbles.values))
    pixels = Pixels.of(channels)
    run = self_train(pixels, settings, make_teacher, UNWATCHED, scribbles.number)
    labels = drain(run).labels
    painted = scribbles.channels >= 0
    labels[painted] = scribbles.values[scribbles.channels[painted]]
    return labels

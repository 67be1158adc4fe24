"""One network, its own labels and a continuity loss: Kim et al. 2020."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_mmtseg.baselines._method import UNWATCHED, Steps, Watch
from napari_mmtseg.baselines._pixels import Pixels
from napari_mmtseg.baselines._scribbles import Scribbles, scribble_loss
from napari_mmtseg.baselines._self_training import (
    Predict,
    SelfTrainingStep,
    Teach,
    network,
    self_train,
)
from napari_mmtseg.engine.losses import mutual_loss, pseudo_labels
from napari_mmtseg.settings.fields import SegmentationSettings


def steps(
    channels: NDArray[Any],
    settings: SegmentationSettings,
    watch: Watch = UNWATCHED,
    *,
    scribbles: ArrayLike | None = None,
    scribble_weight: float = 0.5,
) -> Steps:
    """Train one network on its own labels and on continuity [1]_.

    The network learns its own argmax, while the mean absolute difference of
    neighbouring responses is held down. All defaults are the published ones; the
    continuity weight is that of the paper for BSDS500 (its program has 1).

    Parameters
    ----------
    seed : int
        Of the initial weights.
    n_labels : int, optional
        Training stops when no more labels than these are left, and labels of similar
        colour are grouped until this many classes remain.
    continuity_weight : float
        Weight of the continuity loss, the paper's mu.
    scribbles : (Y, X) array-like of int, optional
        Painted pixels keep their value, from 1 up; 0 is unpainted. Pixels that are
        given to the channel of a painted class get its value, all others the values
        that were not painted, from dark to bright. Training then stops when no more
        labels than the painted ones are left, whatever `min_labels` is.
    scribble_weight : float
        Weight of the cross-entropy on the painted pixels.

    References
    ----------
    .. [1] Kim, Kanezaki, Tanaka, "Unsupervised learning of image segmentation based on
           differentiable feature clustering", IEEE Transactions on Image Processing 29,
           2020, and github.com/kanezaki/pytorch-unsupervised-segmentation-tip.
    """
    if scribbles is not None:
        painted = Scribbles.read(scribbles, channels.shape[1:], settings)
        if painted.values.size:
            return _scribbled(channels, settings, watch, painted, scribble_weight)

    def teach(predict: Predict, image: Tensor) -> SelfTrainingStep:
        response = predict(image)
        clusters = pseudo_labels(response.detach())
        return SelfTrainingStep(
            mutual_loss(response, clusters, settings.continuity_weight), clusters
        )

    return self_train(Pixels.of(channels), settings, lambda *_: teach, watch)


kim = network("kim", steps, scribble_weight=(0, 10**9))


def _scribbled(
    channels: NDArray[Any],
    settings: SegmentationSettings,
    watch: Watch,
    scribbles: Scribbles,
    weight: float,
) -> Steps:
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
    done = yield from self_train(
        pixels, settings, make_teacher, watch, scribbles.number
    )
    painted = scribbles.channels >= 0
    done.labels[painted] = scribbles.values[scribbles.channels[painted]]
    return done

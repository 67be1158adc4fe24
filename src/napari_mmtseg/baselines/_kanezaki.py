"""One network and superpixels: Kanezaki 2018."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from skimage.segmentation import slic
from torch import Tensor

from napari_mmtseg.baselines._method import UNWATCHED, Steps, Watch
from napari_mmtseg.baselines._pixels import Pixels
from napari_mmtseg.baselines._self_training import (
    Predict,
    SelfTrainingStep,
    Teach,
    network,
    one_loss,
    self_train,
)
from napari_mmtseg.engine.losses import pseudo_labels
from napari_mmtseg.settings.fields import SegmentationSettings

N_SUPERPIXELS = 10_000
COMPACTNESS = 100.0


def steps(
    channels: NDArray[Any],
    settings: SegmentationSettings,
    watch: Watch = UNWATCHED,
    *,
    n_superpixels: int = N_SUPERPIXELS,
    compactness: float = COMPACTNESS,
) -> Steps:
    """Train one network on its own labels, made constant in superpixels [1]_.

    In every step the majority of the network's labels in each SLIC superpixel [2]_ is
    what all its pixels have to learn. All defaults are the published ones.

    Parameters
    ----------
    seed : int
        Of the initial weights.
    n_labels : int, optional
        Training stops when no more labels than these are left, and labels of similar
        colour are grouped until this many classes remain.
    n_superpixels : int
        Superpixels, the paper's K, as far as the image has pixels.
    compactness : float
        How much SLIC weighs distance against colour in CIE Lab; channels that are
        neither grey nor RGB are given the range 0-100 of its lightness.

    References
    ----------
    .. [1] Kanezaki, "Unsupervised image segmentation by backpropagation", ICASSP 2018,
           and github.com/kanezaki/pytorch-unsupervised-segmentation.
    .. [2] Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel
           methods", IEEE Transactions on Pattern Analysis and Machine Intelligence 34,
           2012.
    """

    def make_teacher(pixels: Pixels, device: torch.device) -> Teach:
        superpixels = torch.from_numpy(
            make_superpixels(pixels.values, n_superpixels, compactness)
        ).to(device)

        def teach(predict: Predict, image: Tensor) -> SelfTrainingStep:
            response = predict(image)
            clusters = pseudo_labels(response.detach())
            targets = superpixel_majority(clusters, superpixels, settings.max_labels)
            # As rows, so that the gradient comes back in the response's own layout.
            rows = response.permute(0, 2, 3, 1).flatten(0, 2)
            loss = F.cross_entropy(rows, targets.flatten())
            return SelfTrainingStep(one_loss(loss), clusters)

        return teach

    return self_train(Pixels.of(channels), settings, make_teacher, watch)


kanezaki = network(
    "kanezaki", steps, n_superpixels=(1, 10**9), compactness=(1e-6, 10**9)
)


def make_superpixels(
    values: NDArray[np.float32], n_superpixels: int, compactness: float
) -> NDArray[np.int64]:
    """Group the pixels of (C, Y, X), 0 to 1, into about `n_superpixels` by SLIC.

    `compactness` is on the scale of CIE Lab. Returns superpixels (Y, X), from 0.
    """
    n_channels = len(values)
    if n_channels == 1:
        values = np.repeat(values, 3, axis=0)
    in_lab = n_channels in (1, 3)
    superpixels: NDArray[np.int64] = slic(
        np.moveaxis(values, 0, -1),
        n_segments=min(n_superpixels, values[0].size),
        compactness=compactness if in_lab else compactness / 100,
        convert2lab=in_lab,
        start_label=0,
        channel_axis=-1,
    ).astype(np.int64)
    return superpixels


def superpixel_majority(
    clusters: Tensor, superpixels: Tensor, max_labels: int
) -> Tensor:
    """Give every pixel the most frequent label of its superpixel, ties to the lowest.

    Both maps are (Y, X); labels are less than `max_labels`.
    """
    pairs = (superpixels * max_labels + clusters).flatten()
    counts = torch.bincount(pairs, minlength=(int(superpixels.max()) + 1) * max_labels)
    return counts.view(-1, max_labels).max(1).indices[superpixels]

"""Training examples of normalised images: working size, edge weights, warm start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.cluster.vq import vq
from torch import Tensor

from napari_mmtseg.engine.losses import EdgeWeights
from napari_mmtseg.engine.training import Example
from napari_mmtseg.images.clustering import cluster_centres
from napari_mmtseg.images.features import smooth
from napari_mmtseg.settings.fields import SegmentationSettings

N_CLUSTERS = 16
"""Number of clusters by which the structure of an image is judged."""

_NARROWEST = 8
"""Pixels to which the short side is shrunk at most: edges need a width to lie in."""
_SLICES = 2
_FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}
_SMOOTHING = 1.0
"""Standard deviation in pixels of the blur before clustering."""


@torch.inference_mode(False)
def make_examples(
    images: Sequence[NDArray[np.float32]],
    settings: SegmentationSettings,
    device: torch.device,
    anisotropy: float = 1.0,
) -> list[Example]:
    """Return the training examples of normalised images (C, [Z,] Y, X)."""
    small = [
        to_working_size(image, settings.working_size, anisotropy) for image in images
    ]
    coarse = [
        anisotropy if image.ndim == 3 else _anisotropy(image, whole, anisotropy)
        for image, whole in zip(small, images, strict=True)
    ]
    starts: list[Tensor | None] = [None] * len(small)
    if settings.warm_start_steps:
        starts = [
            torch.from_numpy(start).to(device)
            for start in warm_start(small, settings.max_labels, coarse[0])
        ]
    return [
        Example(
            image=torch.from_numpy(image)[None]
            .to(device)
            .contiguous(memory_format=_FORMATS[image.ndim - 1]),
            weights=edge_weights(image, settings.edge_scale, device, apart),
            start=start,
        )
        for image, start, apart in zip(small, starts, coarse, strict=True)
    ]


def to_working_size(
    image: NDArray[np.float32], working_size: int | None, anisotropy: float = 1.0
) -> NDArray[np.float32]:
    """Shrink (C, Y, X), antialiased, until its long side is `working_size` pixels.

    A volume (C, Z, Y, X) is shrunk to as many voxels as two such images have pixels:
    in the plane first, until the slices are no farther apart than its pixels.
    """
    if image.ndim == 4:
        return _volume_to_working_size(image, working_size, anisotropy)
    height, width = image.shape[1:]
    long_side = max(height, width)
    if working_size is None or long_side <= working_size:
        return image
    size = tuple(
        max(round(n * working_size / long_side), min(n, _NARROWEST))
        for n in (height, width)
    )
    shrunk = F.interpolate(
        torch.from_numpy(image)[None], size=size, mode="bilinear", antialias=True
    )
    return np.ascontiguousarray(shrunk[0].numpy())


def _volume_to_working_size(
    image: NDArray[np.float32], working_size: int | None, anisotropy: float
) -> NDArray[np.float32]:
    if working_size is None:
        return image
    shape = np.array(image.shape[1:], float)
    factor = min(_SLICES * working_size**2 / shape.prod(), 1.0)
    in_plane = max(factor**0.5, min(1 / anisotropy, 1.0))
    everywhere = min((factor / in_plane**2) ** (1 / 3), 1.0)
    factors = everywhere * np.array([1, in_plane, in_plane])
    size = tuple(int(n) for n in np.maximum((shape * factors).round(), 1))
    if size == image.shape[1:]:
        return image
    shrunk = F.interpolate(torch.from_numpy(image)[None], size=size, mode="area")
    return np.ascontiguousarray(shrunk[0].numpy())


def _anisotropy(
    small: NDArray[np.float32], whole: NDArray[np.float32], anisotropy: float
) -> float:
    """Return how much farther slices are apart than pixels after shrinking."""
    z, y, x = np.array(whole.shape[1:]) / np.array(small.shape[1:])
    return float(anisotropy * 2 * z / (y + x))


def edge_weights(
    image: NDArray[np.float32],
    edge_scale: float | None,
    device: torch.device,
    anisotropy: float = 1.0,
) -> EdgeWeights | None:
    """Weights exp(-d^2 / edge_scale^2) of neighbouring pixels at distance d.

    Between the slices of a volume, which are `anisotropy` times farther apart, the loss
    counts differences per length, too.
    """
    if edge_scale is None and image.ndim == 3:
        return None
    weights = []
    for axis in range(1, image.ndim):
        squared = (np.diff(image, axis=axis) ** 2).sum(0)
        near = np.exp(-squared / (edge_scale or np.inf) ** 2)
        weights.append(torch.from_numpy(near).to(device))
    if image.ndim == 4:
        weights[0] = weights[0] / anisotropy
    return tuple(weights)


def warm_start(
    images: Sequence[NDArray[np.float32]], n_clusters: int, anisotropy: float = 1.0
) -> list[NDArray[np.int64]]:
    """Cluster the blurred pixels of normalised images (C, [Z,] Y, X) by k-means.

    As Ge et al. (2020), from whom Mutual Mean-Teaching comes, start from a clustering.
    The same images always give the same clusters, so that runs with different seeds
    differ only by their networks. Returns one cluster map for each image, numbered from
    dark to bright.
    """
    blurred = [
        smooth(image, _SMOOTHING, anisotropy).reshape(len(image), -1).T
        for image in images
    ]
    pixels = np.concatenate(blurred)
    centres = cluster_centres(pixels, n_clusters)
    return [
        vq(pixels, centres)[0].astype(np.int64).reshape(image.shape[1:])
        for pixels, image in zip(blurred, images, strict=True)
    ]

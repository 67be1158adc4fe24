"""From a normalised image to what training needs: working size, edges, warm start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq
from torch import Tensor

from napari_mmtseg.engine.losses import EdgeWeights
from napari_mmtseg.engine.training import Example
from napari_mmtseg.features import smooth
from napari_mmtseg.settings import SegmentationSettings

__all__ = [
    "N_CLUSTERS",
    "edge_weights",
    "make_examples",
    "to_working_size",
    "warm_start",
]

N_CLUSTERS = 16
"""Number of clusters that the structure of an image is judged by."""

_SAMPLES = 10_000
_SMOOTHING = 1.0
"""Standard deviation in pixels of the blur that the clustering sees."""


@torch.inference_mode(False)
def make_examples(
    images: Sequence[NDArray[np.float32]],
    settings: SegmentationSettings,
    device: torch.device,
) -> list[Example]:
    """Return the training examples of normalised images (C, Y, X)."""
    small = [to_working_size(image, settings.working_size) for image in images]
    starts: list[Tensor | None] = [None] * len(small)
    if settings.warm_start_steps:
        starts = [
            torch.from_numpy(start).to(device)
            for start in warm_start(small, settings.max_labels)
        ]
    return [
        Example(
            image=torch.from_numpy(image)[None]
            .to(device)
            .contiguous(memory_format=torch.channels_last),
            weights=edge_weights(image, settings.edge_scale, device),
            start=start,
        )
        for image, start in zip(small, starts, strict=True)
    ]


def to_working_size(
    image: NDArray[np.float32], working_size: int | None
) -> NDArray[np.float32]:
    """Shrink (C, Y, X), antialiased, until its long side is `working_size` pixels."""
    height, width = image.shape[1:]
    long_side = max(height, width)
    if working_size is None or long_side <= working_size:
        return image
    size = tuple(max(round(n * working_size / long_side), 1) for n in (height, width))
    shrunk = F.interpolate(
        torch.from_numpy(image)[None], size=size, mode="bilinear", antialias=True
    )
    return np.ascontiguousarray(shrunk[0].numpy())


def edge_weights(
    image: NDArray[np.float32], edge_scale: float | None, device: torch.device
) -> EdgeWeights | None:
    """Weights exp(-d^2 / edge_scale^2) of neighbouring pixels at distance d."""
    if edge_scale is None:
        return None
    weights = []
    for axis in (1, 2):
        squared = (np.diff(image, axis=axis) ** 2).sum(0)
        weights.append(torch.from_numpy(np.exp(-squared / edge_scale**2)).to(device))
    return EdgeWeights(*weights)


def warm_start(
    images: Sequence[NDArray[np.float32]], n_clusters: int
) -> list[NDArray[np.int64]]:
    """Cluster the blurred pixels of all images together by k-means.

    Ge et al. (2020), from whom Mutual Mean-Teaching comes, start from a clustering
    too. The same images always give the same clusters, so that runs with different
    seeds differ by their networks alone. Clusters are numbered from dark to bright.

    Parameters
    ----------
    images : sequence of (C, Y, X) ndarray
        Normalised images at working size.
    n_clusters : int
        Number of clusters of k-means.

    Returns
    -------
    list of (Y, X) ndarray of int64
        Cluster maps, 0..n_clusters-1.
    """
    blurred = [smooth(image, _SMOOTHING).reshape(len(image), -1).T for image in images]
    pixels = np.concatenate(blurred)
    sample = pixels[:: -(-len(pixels) // _SAMPLES)]
    distinct = np.unique(sample, axis=0)
    if len(distinct) <= n_clusters:
        centres = distinct
    else:
        centres, _ = kmeans2(
            sample,
            n_clusters,
            iter=20,
            minit="++",
            missing="warn",
            rng=np.random.default_rng(0),
        )
    centres = centres[np.argsort(centres[:, 0], kind="stable")]
    return [
        vq(pixels, centres)[0].astype(np.int64).reshape(image.shape[1:])
        for pixels, image in zip(blurred, images, strict=True)
    ]

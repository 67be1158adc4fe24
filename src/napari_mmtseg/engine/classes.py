"""From the response channels of a fitted model to numbered classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_mmtseg.regions import brightness_ranks, merge_classes, sum_by_label
from napari_mmtseg.settings import SegmentationSettings

__all__ = ["choose_classes"]


def choose_classes(
    clusters: Sequence[NDArray[np.int64]],
    images: Sequence[Tensor],
    settings: SegmentationSettings,
) -> NDArray[np.int32]:
    """Merge response channels that look alike and number what is left.

    Parameters
    ----------
    clusters : sequence of (Y, X) ndarray of int64
        Cluster map of every image.
    images : sequence of Tensor, (1, C, Y, X)
        The normalised images.
    settings : SegmentationSettings
        `n_labels`, or `min_labels` and `merge_threshold`, say how far to merge.

    Returns
    -------
    (q,) ndarray of int32
        Class of every response channel, 1..k from dark to bright.
    """
    q = settings.max_labels
    if _is_constant(images):
        return np.ones(q, np.int32)
    sizes = np.zeros(q)
    sums = np.zeros((q, images[0].shape[1]))
    for cluster_map, image in zip(clusters, images, strict=True):
        counted, added = sum_by_label(cluster_map, image[0].cpu().numpy(), q)
        sizes += counted
        sums += added
    used = np.flatnonzero(sizes)
    sizes, means = sizes[used], sums[used] / sizes[used, np.newaxis]
    if settings.n_labels is not None:
        group = merge_classes(means, sizes, settings.n_labels)
    else:
        center = np.average(means, axis=0, weights=sizes)
        spread = sizes @ ((means - center) ** 2).sum(1)
        group = merge_classes(
            means, sizes, settings.min_labels, settings.merge_threshold * spread
        )
    return _number_classes(q, used, group, means, sizes)


def _is_constant(images: Sequence[Tensor]) -> bool:
    pixels = torch.cat([image[0].flatten(1) for image in images], dim=1)
    return bool((pixels.amax(1) - pixels.amin(1)).max() < 1e-5)


def _number_classes(
    q: int,
    used: NDArray[np.intp],
    group: NDArray[np.intp],
    means: NDArray[np.float64],
    sizes: NDArray[np.float64],
) -> NDArray[np.int32]:
    """Give the groups numbers from dark to bright.

    "Bright" is the first channel: intensity, or lightness of a colour image. Response
    channels without pixels join the next one.
    """
    rank = brightness_ranks(group, means[:, 0], sizes)
    # Another image may wake a channel that is silent in this one: it gets the class of
    # the next channel up, since channels start in order of brightness.
    position = np.minimum(np.searchsorted(used, np.arange(q)), len(used) - 1)
    numbers: NDArray[np.int32] = rank[group[position]].astype(np.int32)
    return numbers

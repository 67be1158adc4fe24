"""From the response channels of a fitted model to numbered classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.class_hierarchy import ClassHierarchy, ClusterStatistics
from napari_mmtseg.features import smooth
from napari_mmtseg.regions import brightness_ranks
from napari_mmtseg.settings import SegmentationSettings

__all__ = ["choose_classes"]

_SMOOTHING = 1.0
"""Standard deviation in pixels of the blur under which classes are compared."""


def choose_classes(
    clusters: Sequence[NDArray[np.int64]],
    images: Sequence[NDArray[np.float32]],
    settings: SegmentationSettings,
) -> NDArray[np.int32]:
    """Merge response channels that look alike and number what is left.

    Parameters
    ----------
    clusters : sequence of (Y, X) ndarray of int64
        Cluster map of every image.
    images : sequence of (C, Y, X) ndarray of float32
        The images that the networks see.
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
    smoothed = [smooth(image, _SMOOTHING) for image in images]
    statistics = ClusterStatistics.measure(clusters, smoothed, q)
    hierarchy = ClassHierarchy(statistics)
    n_labels = settings.n_labels
    if n_labels is None:
        n_labels = hierarchy.automatic_number(
            settings.merge_threshold, settings.min_labels
        )
    group = hierarchy.groups(n_labels)
    lightness = statistics.means[:, 0]
    if settings.texture == 1:
        lightness = statistics.means[:, -1]  # texture alone: from smooth to rough
    ranks = brightness_ranks(group, lightness, statistics.sizes)
    numbers: NDArray[np.int32] = ranks[group].astype(np.int32)
    return numbers


def _is_constant(images: Sequence[NDArray[np.float32]]) -> bool:
    pixels = np.concatenate([image.reshape(len(image), -1) for image in images], axis=1)
    return bool(np.ptp(pixels, axis=1).max() < 1e-5)

"""Otsu's thresholds for several classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.color import rgb2gray
from skimage.filters import threshold_multiotsu

from napari_mmtseg.baselines._pixels import (
    Pixels,
    checked,
    number_clusters,
    warn_of_few,
)
from napari_mmtseg.labels.regions import sum_by_label
from napari_mmtseg.labels.ward import merge_classes

__all__ = ["multi_otsu"]

N_CLASSES = 3
N_BINS = 256
MOST_EXHAUSTIVE = 5


def multi_otsu(
    image: ArrayLike,
    *,
    channel_axis: int | None = None,
    seed: int = 0,
    n_labels: int | None = None,
) -> NDArray[np.int32]:
    """Split the histogram where the variance within the classes is smallest [1]_ [2]_.

    Works on the intensity: RGB becomes luminance, other channels are averaged. Up to 5
    classes all thresholds are tried; beyond, where that takes minutes, the bins of the
    histogram are merged one pair at a time, by the same variance.

    Parameters
    ----------
    image : array-like
        As for :func:`napari_mmtseg.segment`.
    channel_axis : int, optional
        Axis of the channels.
    seed : int
        Changes nothing: there is no chance in this method.
    n_labels : int, optional
        Number of classes; 3 without it.

    Returns
    -------
    (Y, X) ndarray of int32
        Labels 1..k from dark to bright; as many as asked for if the image has so many
        different intensities in a histogram of 256.

    Raises
    ------
    InputError
        If the image or a parameter cannot be used.

    References
    ----------
    .. [1] Otsu, "A threshold selection method from gray-level histograms", IEEE
           Transactions on Systems, Man, and Cybernetics 9, 1979.
    .. [2] Liao, Chen, Chung, "A fast algorithm for multilevel thresholding", Journal of
           Information Science and Engineering 17, 2001.
    """
    checked(seed=seed, n_labels=n_labels)
    pixels = Pixels.read(image, channel_axis)
    intensity = _intensity(pixels.values)
    low, high = intensity.min(), intensity.max()
    bins = np.zeros(pixels.shape, np.intp)
    if high > low:
        scaled = (intensity - low) / (high - low) * (N_BINS - 1)
        bins = np.rint(scaled).astype(np.intp)
    clusters = _split(bins, n_labels or N_CLASSES)
    brightness = Pixels(pixels.values, intensity[np.newaxis])
    labels = number_clusters(clusters, brightness)
    warn_of_few(labels, n_labels, "multi_otsu")
    return labels


def _intensity(values: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(values) == 3:
        grey: NDArray[np.float32] = rgb2gray(np.moveaxis(values, 0, -1))
        return grey
    mean: NDArray[np.float32] = values.mean(axis=0)
    return mean


def _split(bins: NDArray[np.intp], n_classes: int) -> NDArray[np.intp]:
    centres = np.arange(N_BINS, dtype=np.float32)
    sizes, sums = sum_by_label(bins, centres[bins][np.newaxis], N_BINS)
    used = np.flatnonzero(sizes)
    if len(used) > n_classes and n_classes <= MOST_EXHAUSTIVE:
        if n_classes == 1:
            return np.zeros_like(bins)
        thresholds = threshold_multiotsu(hist=(sizes, centres), classes=n_classes)
        return np.digitize(bins, thresholds, right=True)
    means = sums[used] / sizes[used, np.newaxis]
    table = np.zeros(N_BINS, np.intp)
    table[used] = merge_classes(means, sizes[used], n_classes)
    return table[bins]

"""Otsu's thresholds for several classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2gray
from skimage.filters import threshold_multiotsu

from napari_mmtseg.baselines._method import clustering
from napari_mmtseg.baselines._pixels import Pixels
from napari_mmtseg.labels.regions import sum_by_label
from napari_mmtseg.labels.ward import merge_classes

N_CLASSES = 3
N_BINS = 256
MOST_EXHAUSTIVE = 5


def _intensity(pixels: Pixels) -> Pixels:
    """Return pixels with the intensity in place of their colours."""
    values = pixels.values
    if len(values) == 3:
        return Pixels(values, rgb2gray(np.moveaxis(values, 0, -1))[np.newaxis])
    return Pixels(values, values.mean(axis=0)[np.newaxis])


@clustering(_intensity)
def multi_otsu(pixels: Pixels, n_labels: int | None, seed: int) -> NDArray[np.intp]:
    """Split the histogram where the variance within the classes is smallest [1]_ [2]_.

    Works on the intensity: RGB becomes luminance, other channels are averaged. Up to 5
    classes all thresholds are tried; beyond, where that takes minutes, the bins of the
    histogram are merged one pair at a time, by the same variance.

    Parameters
    ----------
    seed : int
        Changes nothing: the method has no random part.
    n_labels : int, optional
        Number of classes, at most that of different intensities in a histogram of 256
        bins; 3 without it.

    References
    ----------
    .. [1] Otsu, "A threshold selection method from gray-level histograms", IEEE
           Transactions on Systems, Man, and Cybernetics 9, 1979.
    .. [2] Liao, Chen, Chung, "A fast algorithm for multilevel thresholding", Journal of
           Information Science and Engineering 17, 2001.
    """
    intensity = pixels.colours[0]
    low, high = intensity.min(), intensity.max()
    bins = np.zeros(pixels.shape, np.intp)
    if high > low:
        scaled = (intensity - low) / (high - low) * (N_BINS - 1)
        bins = np.rint(scaled).astype(np.intp)
    return _split(bins, n_labels or N_CLASSES)


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

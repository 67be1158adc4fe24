"""k-means on pixel values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_mmtseg.baselines._pixels import (
    Pixels,
    checked,
    checked_number,
    number_clusters,
    warn_of_few,
)
from napari_mmtseg.baselines._scikit_learn import (
    check_scikit_learn,
    count_distinct,
    one_thread,
    sample_rows,
)

__all__ = ["kmeans"]

N_CLUSTERS = 8


def kmeans(
    image: ArrayLike,
    *,
    channel_axis: int | None = None,
    seed: int = 0,
    n_labels: int | None = None,
    n_init: int = 4,
) -> NDArray[np.int32]:
    """Cluster pixels by their values with k-means [1]_, started by k-means++ [2]_.

    Needs scikit-learn. The clusters are fitted to at most 100 000 random pixels and all
    pixels then go to their nearest centre.

    Parameters
    ----------
    image : array-like
        As for :func:`napari_mmtseg.segment`.
    channel_axis : int, optional
        Axis of the channels.
    seed : int
        Of the sample and of the first centres.
    n_labels : int, optional
        Number of classes; 8 without it.
    n_init : int
        Starts, of which the best is kept.

    Returns
    -------
    (Y, X) ndarray of int32
        Labels 1..k from dark to bright; as many as asked for if the image has so many
        different values.

    Raises
    ------
    InputError
        If the image or a parameter cannot be used, or scikit-learn is missing.

    References
    ----------
    .. [1] Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information
           Theory 28, 1982.
    .. [2] Arthur, Vassilvitskii, "k-means++: the advantages of careful seeding", SODA
           2007.
    """
    checked(seed=seed, n_labels=n_labels)
    n_init = checked_number(int, "n_init", n_init, 1, 1000)
    check_scikit_learn("kmeans")
    pixels = Pixels.read(image, channel_axis)
    labels = number_clusters(
        _cluster(pixels, n_labels or N_CLUSTERS, seed, n_init), pixels
    )
    warn_of_few(labels, n_labels, "kmeans")
    return labels


def _cluster(
    pixels: Pixels, n_clusters: int, seed: int, n_init: int
) -> NDArray[np.intp]:
    from sklearn.cluster import KMeans

    rows = pixels.rows()
    sample = sample_rows(rows, seed)
    if count_distinct(sample, n_clusters) < n_clusters:
        sample = np.unique(rows, axis=0)
    n_clusters = min(n_clusters, count_distinct(sample, n_clusters))
    model = KMeans(n_clusters, n_init=n_init, random_state=seed)
    with one_thread():
        model.fit(sample)
    clusters: NDArray[np.intp] = model.predict(rows).reshape(pixels.shape)
    return clusters

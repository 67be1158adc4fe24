"""k-means on pixel values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.baselines._method import clustering
from napari_mmtseg.baselines._pixels import Pixels
from napari_mmtseg.baselines._scikit_learn import (
    count_distinct,
    one_thread,
    sample_rows,
)

N_CLUSTERS = 8


@clustering(n_init=(1, 1000))
def kmeans(
    pixels: Pixels, n_labels: int | None, seed: int, *, n_init: int = 4
) -> NDArray[np.intp]:
    """Cluster pixels by their values with k-means [1]_, started by k-means++ [2]_.

    Needs scikit-learn. The clusters are fitted to at most 100 000 random pixels and all
    pixels then go to their nearest centre.

    Parameters
    ----------
    seed : int
        Of the sample and of the first centres.
    n_labels : int, optional
        Number of classes, at most that of different values; 8 without it.
    n_init : int
        Starts, of which the best is kept.

    References
    ----------
    .. [1] Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information
           Theory 28, 1982.
    .. [2] Arthur, Vassilvitskii, "k-means++: the advantages of careful seeding", SODA
           2007.
    """
    from sklearn.cluster import KMeans

    n_clusters = n_labels or N_CLUSTERS
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

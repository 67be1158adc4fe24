"""Groups of alike pixels, by k-means on a sample of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

_SAMPLES = 10_000


def cluster_centres(pixels: NDArray[np.float32], n_clusters: int) -> NDArray[Any]:
    """Return at most `n_clusters` centres (k, C) of pixels (n, C), from dark to bright.

    The same pixels always give the same centres. With fewer distinct values than
    clusters these are the centres.
    """
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
    ordered: NDArray[Any] = centres[np.argsort(centres[:, 0], kind="stable")]
    return ordered

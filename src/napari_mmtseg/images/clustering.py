"""Groups of alike pixels, by k-means on a sample of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist

from napari_mmtseg.images.features import smooth

_SAMPLES = 10_000
_N_TYPICAL = 32
_BLUR = 0.4
"""Standard deviation in pixels of the blur under which values are typical."""


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


@dataclass(frozen=True)
class TypicalValues:
    """At most 32 values (k, C) that stand for all of an image, and how near counts.

    `pixels` (n, C) are those of the image, blurred a little; `width` is twice the
    squared distance of a typical value from its nearest one.
    """

    pixels: NDArray[np.float32]
    centres: NDArray[Any]
    width: float

    @classmethod
    def of(cls, image: NDArray[np.float32]) -> TypicalValues:
        """Find the typical values of an image (C, Y, X)."""
        pixels = smooth(image, _BLUR).reshape(len(image), -1).T
        centres = cluster_centres(pixels, _N_TYPICAL)
        near = np.sort(cdist(centres, centres, "sqeuclidean"), axis=1)
        nearest = float(np.median(near[:, min(1, len(centres) - 1)]))
        return cls(pixels, centres, 2 * max(nearest, 1e-12))

    def nearness(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the nearness (n, k) of values (n, C) to all typical ones, sum 1."""
        near = np.exp(-cdist(values, self.centres, "sqeuclidean") / self.width)
        shares: NDArray[np.float64] = near / np.maximum(
            near.sum(axis=1, keepdims=True), 1e-30
        )
        return shares

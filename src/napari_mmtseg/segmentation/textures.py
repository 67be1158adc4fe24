"""Textures of an image: how many there are if a wide window tells them apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq
from scipy.ndimage import distance_transform_edt

from napari_mmtseg.images.texture import TextureEnergy
from napari_mmtseg.labels.cluster_merging import ClusterMerging, ClusterStatistics

_WINDOWS = (5.5, 8.0, 11.0, 16.0, 22.0)
"""Standard deviations in pixels of windows that may tell textures apart. The three
widest have to agree, each with the next."""

_AGREEMENT = 0.8
"""Adjusted Rand index from which two windows find the same: at most .75 where detail is
alike everywhere, mostly above .9 where two textures fill parts."""

_SMALLEST = 0.05
"""Share of the image below which a texture is an exception, such as a hole."""

_DEEPEST = 2.5
"""Distance from a border, over the window, that some pixel of a texture has: the strip
between two textures, under a window that sees both, is narrower."""

_MOST = 5
_EVERY = 4
_LARGEST = 1024
_N_CLUSTERS = 16


def find_textures(image: NDArray[np.float32], weight: float) -> tuple[int, float]:
    """Return how many textures a normalised image (C, Y, X) has, and a window for them.

    The window is a standard deviation in pixels. Windows of different sizes see the
    same textures if these are parts of the image, and other ones if detail varies by
    chance: the number is the largest on which the three widest agree, 1 if there is
    none. Of all windows that see the same, the narrowest has the sharpest borders.
    `weight` is that of texture beside intensity.
    """
    if min(image.shape[1:]) < 4 * _WINDOWS[-1]:
        return 1, _WINDOWS[-1]
    middle = [
        slice(max((n - _LARGEST) // 2, 0), (n + _LARGEST) // 2) for n in image.shape[1:]
    ]
    part = image[(slice(None), *middle)]
    *narrow, wide, wider, widest = _WINDOWS
    seen = [_Seen(part, weight, w) for w in (widest, wider, wide)]
    for n in range(_MOST, 1, -1):
        first, second, third = (each.parts(n) for each in seen)
        if _agree(first, second, n, widest) and _agree(second, third, n, wider):
            break
    else:
        return 1, widest
    for window in narrow:
        if _agree(first, _Seen(part, weight, window).parts(n), n, widest):
            return n, window
    return n, wide if _agree(first, third, n, widest) else wider


def _agree(
    parts: NDArray[np.intp], others: NDArray[np.intp], n: int, window: float
) -> bool:
    """Return whether two windows find the same `n` textures.

    Both have the part (y, x), from 0, of every pixel: `parts` under this `window`,
    `others` under a narrower one.
    """
    counts = np.zeros((n, n))
    np.add.at(counts, (parts.ravel(), others.ravel()), 1)
    if counts.sum(1).min() < _SMALLEST * counts.sum():
        return False
    deepest = [distance_transform_edt(parts == part).max() for part in range(n)]
    if _EVERY * min(deepest) < _DEEPEST * window:
        return False
    return adjusted_rand_index(counts) >= _AGREEMENT


def adjusted_rand_index(counts: NDArray[np.float64]) -> float:
    """Return how alike two partitions are, 1 at most, about 0 by chance.

    `counts` (n, m) are the pixels of every pair of parts (Hubert and Arabie, 1985).
    """

    def pairs(sizes: NDArray[np.float64]) -> float:
        return float((sizes * (sizes - 1)).sum() / 2)

    both, first, second = pairs(counts), pairs(counts.sum(1)), pairs(counts.sum(0))
    by_chance = first * second / pairs(counts.sum(keepdims=True))
    most = (first + second) / 2
    return (both - by_chance) / (most - by_chance) if most > by_chance else 1.0


class _Seen:
    """An image as a window of one size sees it, at every fourth pixel."""

    def __init__(
        self, image: NDArray[np.float32], weight: float, window: float
    ) -> None:
        from napari_mmtseg.engine.examples import warm_start

        _, (features,) = TextureEnergy.fit([image], weight, window)
        some = np.ascontiguousarray(features[:, ::_EVERY, ::_EVERY])
        (self._clusters,) = warm_start([some], _N_CLUSTERS)
        n = int(self._clusters.max()) + 1
        self._merging = ClusterMerging(
            ClusterStatistics.measure([self._clusters], [some], n)
        )
        self._pixels = some.reshape(len(some), -1).T

    def parts(self, n: int) -> NDArray[np.intp]:
        """Return the part (y, x), from 0, of every pixel if there are `n`.

        K-means from the clusters that Ward's criterion joins.
        """
        joined = self._merging.groups(min(n, self._merging.n_clusters))
        start = joined[self._clusters].ravel()
        centres = np.stack(
            [self._pixels[start == i].mean(0) for i in range(int(joined.max()) + 1)]
        )
        centres, _ = kmeans2(self._pixels, centres, minit="matrix", missing="warn")
        parts: NDArray[np.intp] = vq(self._pixels, centres)[0].astype(np.intp)
        return parts.reshape(self._clusters.shape)

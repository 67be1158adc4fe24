"""Edges between parts of an image that rarely occur side by side.

Values that often lie next to each other belong together, even where they differ much
(a zebra, a brick wall); the pointwise mutual information of neighbours says how much
more often they meet than by chance (Isola et al., Crisp boundary detection using
pointwise mutual information, ECCV 2014). Eigenvectors of the graph of these affinities
are flat within such parts and change between them (normalised cuts), so their gradient
marks borders of parts, not of single grains.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.ndimage import map_coordinates
from scipy.sparse import coo_array, csr_array, dia_array, eye_array
from scipy.spatial.distance import cdist
from skimage.transform import downscale_local_mean
from threadpoolctl import threadpool_limits

from napari_mmtseg.images.clustering import TypicalValues
from napari_mmtseg.images.features import gradient_magnitude, local_deviation

Image = NDArray[np.float32]

_SIDE = 256
"""Longest side in pixels of the image whose graph is cut."""

_SMALLEST = 8
"""Shortest side in pixels of an image that is looked at."""

_RADIUS = 3
"""Distance in pixels up to which pixels are neighbours."""

_NEARNESS = 2.0
"""Standard deviation in pixels of the weight of a neighbour where they are counted."""

_RHO = 1.25
"""Power of the joint probability: above 1, rare pairs count less (Isola et al.)."""

_LEAST, _MOST = -12.0, 6.0
"""Range of the logarithm of an affinity."""

_TEXTURE_SCALE = 0.7
"""Standard deviation in pixels of its window: wider ones shift borders outwards."""

_N_VECTORS = 16
_EDGE_SIGMA = 0.7
_FEWEST_NODES = 64


def spectral_edges(image: Image) -> Image:
    """Return the strength (Y, X) of the borders between parts of an image (C, Y, X).

    Its mean square is 1; it is 0 everywhere where the image is flat or too small.
    """
    shape = image.shape[1:]
    factor = -(-max(shape) // _SIDE)
    if min(shape) < _SMALLEST * factor:
        return np.zeros(shape, np.float32)
    whole = image[:, : shape[0] // factor * factor, : shape[1] // factor * factor]
    small = np.stack([downscale_local_mean(c, (factor, factor)) for c in whole])
    texture = np.stack([local_deviation(c, _TEXTURE_SCALE) for c in small])
    graph = _affinities([_Values(small), _Values(texture)], small.shape[1:])
    strengths, vectors = _cuts(graph, small.shape[1:])
    edges = np.zeros(small.shape[1:], np.float32)
    for strength, vector in zip(strengths, vectors, strict=True):
        edges += strength * gradient_magnitude(vector[np.newaxis], _EDGE_SIGMA)
    edges /= max(float(np.sqrt((edges**2).mean())), 1e-6)
    places = [(np.arange(n) + 0.5) / factor - 0.5 for n in shape]
    full: Image = map_coordinates(
        edges, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest"
    )
    return full


class _Values:
    """Quantised values (Y, X) of an image, and the affinity (k, k) of every two.

    The affinity is a logarithm: that of the joint probability, to a power, over the
    product of the probabilities.
    """

    def __init__(self, image: Image) -> None:
        typical = TypicalValues.of(image)
        nearest = cdist(typical.pixels, typical.centres).argmin(1)
        self.values = nearest.reshape(image.shape[1:])
        n = len(typical.centres)
        counts = np.zeros(n * n)
        for y, x in _offsets():
            here, there = _neighbours(self.values, y, x)
            weight = np.exp(-(y * y + x * x) / (2 * _NEARNESS**2))
            counts += weight * np.bincount((here * n + there).ravel(), minlength=n * n)
        joint = counts.reshape(n, n)
        joint = joint + joint.T
        # Values that are nearly alike share what was counted.
        alike = typical.nearness(typical.centres)
        joint = alike.T @ joint @ alike
        joint /= joint.sum()
        alone = joint.sum(axis=1)
        self.affinity = _RHO * np.log(joint + 1e-12) - np.log(np.outer(alone, alone))


def _offsets() -> list[tuple[int, int]]:
    """Return the steps to half of the neighbours; the others follow by symmetry."""
    reach = range(-_RADIUS, _RADIUS + 1)
    return [
        (y, x)
        for y in range(_RADIUS + 1)
        for x in reach
        if (y, x) > (0, 0) and y * y + x * x <= _RADIUS**2
    ]


def _neighbours(
    array: NDArray[Any], y: int, x: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return views of all pixels (Y, X) and of those `y`, at least 0, and `x` away."""
    height, width = array.shape
    left, right = max(-x, 0), width - max(x, 0)
    return array[: height - y, left:right], array[y:, left + x : right + x]


def _affinities(views: list[_Values], shape: tuple[int, ...]) -> csr_array:
    index = np.arange(np.prod(shape)).reshape(shape)
    rows, columns, weights = [], [], []
    for y, x in _offsets():
        logarithm: Any = sum(
            view.affinity[_neighbours(view.values, y, x)] for view in views
        )
        here, there = _neighbours(index, y, x)
        rows.append(here.ravel())
        columns.append(there.ravel())
        weights.append(np.exp(np.clip(logarithm, _LEAST, _MOST)).ravel())
    weight = np.concatenate(weights)
    pairs = (np.concatenate(rows), np.concatenate(columns))
    half = coo_array((weight, pairs), shape=(index.size, index.size)).tocsr()
    return csr_array(half + half.T + weight.mean() * eye_array(index.size))


def _cuts(graph: csr_array, shape: tuple[int, ...]) -> tuple[NDArray[Any], Image]:
    """Return normalised cuts of a graph of pixels: their weights and maps (n, Y, X).

    The graph is first made smaller, every second row and column at a time, and what is
    found is brought back: decimated normalised cuts (Arbelaez et al., Multiscale
    combinatorial grouping, CVPR 2014).
    """
    steps: list[csr_array] = []
    height, width = shape
    while (height // 2) * (width // 2) >= _FEWEST_NODES and len(steps) < 3:
        place = np.arange(height * width)
        kept = (place // width % 2 == 0) & (place % width % 2 == 0)
        fewer = graph[:, np.flatnonzero(kept)]
        step = _scaled(1 / fewer.sum(axis=1)) @ fewer
        graph = csr_array(fewer.T @ step)
        steps.append(step)
        height, width = (height + 1) // 2, (width + 1) // 2
    root = _scaled(1 / np.sqrt(graph.sum(axis=1)))
    matrix = (root @ graph @ root).toarray()
    n = len(matrix)
    last = (max(n - _N_VECTORS - 1, 0), n - 2)
    # With another number of threads the last bits differ, and some labels with them;
    # beside busy processes threads wait for each other thousands of times.
    with threadpool_limits(1, user_api="blas"):
        values, vectors = eigh((matrix + matrix.T) / 2, subset_by_index=last)
    maps: NDArray[Any] = root @ vectors
    for step in reversed(steps):
        maps = step @ maps
    maps = maps / np.maximum(maps.std(axis=0), 1e-12)
    distance = np.maximum(1 - values, 1e-6)
    weights = np.sqrt(distance.min() / distance)
    return weights, maps.T.reshape(-1, *shape).astype(np.float32)


def _scaled(factors: NDArray[Any]) -> dia_array:
    return dia_array((factors[np.newaxis], [0]), shape=(len(factors), len(factors)))

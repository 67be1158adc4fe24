"""Number of classes that an image supports: its values have a valley between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from napari_mmtseg.images.features import gradient_magnitude, smooth

_SIGMA = 1.0
"""Standard deviation in pixels of the blur under which values are compared."""

_SAMPLES = 12_000
_BINS, _WIDTH = 48, 1.5
"""Bins of a histogram between two groups, and the deviation in bins of its blur."""

_MARGIN = 0.75
"""Part of the distance of two groups by which the histogram goes beyond each."""

_SMALLEST, _FEWEST = 0.02, 20
"""Share of the pixels, and their number, below which a group is no class."""

_NEIGHBOURS = 3

_FAR = (4, 6, 9)
"""Distances in pixels at which noise is no longer related: that of a camera or of
compression reaches less far."""

_ENOUGH = 32
"""Sides in pixels from which noise can be told from an image."""

_SIGNIFICANT = 4.5
"""Standard errors that a correlation has to reach."""

Matrix = NDArray[np.float64]


def count_classes(
    cluster_maps: Sequence[NDArray[Any]],
    images: Sequence[NDArray[np.float32]],
    threshold: float,
) -> int:
    """Return how many groups of clusters have a valley between them.

    Clusters (Y, X) of images (C, Y, X) merge if between their means no less pixels lie
    than `threshold` times the lower of the two peaks: along the line through both means
    the histogram has no valley there. Of several such pairs, the one that Ward's
    criterion joins first merges. Groups of less than a fiftieth of the pixels, or
    of less than 20, join others. With a threshold of 1 all clusters stay.

    Pixels at edges are left out, since they have values in between: the half of the
    pixels with the smaller gradient counts.
    """
    if threshold >= 1:
        return len(np.unique(np.concatenate([c.ravel() for c in cluster_maps])))
    values, clusters = _inner_pixels(cluster_maps, images)
    groups = {int(c): values[clusters == c] for c in np.unique(clusters)}
    return len(_merged(groups, len(values), threshold))


def shows_nothing(image: NDArray[np.float32]) -> bool:
    """Return whether an image (C, Y, X) is flat or pure noise.

    Noise is not related to what lies a few pixels away, neither in its values nor in
    how far these are from their mean. Images below 32 pixels are too small to tell.
    """
    return all(
        _unrelated(values)
        for channel in image
        for values in (channel, np.abs(channel - channel.mean()))
    )


def _unrelated(values: NDArray[np.float32]) -> bool:
    centered = values.astype(np.float64) - values.mean()
    variance = (centered**2).mean()
    if variance < 1e-12:
        return True
    if min(values.shape[-2:]) < _ENOUGH:
        return False
    for lag in _FAR:
        pairs = [
            (centered[lag:], centered[:-lag]),
            (centered[..., lag:], centered[..., :-lag]),
            (centered[lag:, ..., lag:], centered[:-lag, ..., :-lag]),
            (centered[lag:, ..., :-lag], centered[:-lag, ..., lag:]),
        ]
        for first, second in pairs:
            bound = _SIGNIFICANT * variance / np.sqrt(max(first.size, 1))
            if first.size and abs((first * second).mean()) > bound:
                return False
    return True


def _inner_pixels(
    cluster_maps: Sequence[NDArray[Any]], images: Sequence[NDArray[np.float32]]
) -> tuple[Matrix, NDArray[Any]]:
    """Return a sample of the pixels off edges, (n, C), and their clusters, (n,)."""
    values, clusters = [], []
    for found, image in zip(cluster_maps, images, strict=True):
        edges = gradient_magnitude(image, _SIGMA)
        inner = (edges <= np.median(edges)).ravel()
        blurred = smooth(image, _SIGMA).reshape(len(image), -1)
        values.append(blurred[:, inner].T)
        clusters.append(found.ravel()[inner])
    every = max(sum(len(v) for v in values) // _SAMPLES, 1)
    together = np.concatenate(values)[::every].astype(np.float64)
    return together, np.concatenate(clusters)[::every]


def _merged(groups: dict[int, Matrix], n: int, threshold: float) -> dict[int, Matrix]:
    """Merge groups of pixels (n, C) that no valley divides."""
    ratios: dict[tuple[int, int], float] = {}
    least = max(_SMALLEST * n, _FEWEST)
    while len(groups) > 1:
        means = {g: pixels.mean(axis=0) for g, pixels in groups.items()}
        candidates = []
        for pair in _near_pairs(means):
            first, second = (groups[g] for g in pair)
            smaller = min(len(first), len(second))
            if smaller >= least and pair not in ratios:
                ratios[pair] = _valley(first, second, *(means[g] for g in pair))
            if smaller < least or ratios[pair] >= threshold:
                weight = len(first) * len(second) / (len(first) + len(second))
                apart = ((means[pair[0]] - means[pair[1]]) ** 2).sum()
                candidates.append((float(weight * apart), pair))
        if not candidates:
            break
        _, (kept, gone) = min(candidates)
        groups[kept] = np.concatenate([groups[kept], groups.pop(gone)])
        ratios = {p: r for p, r in ratios.items() if kept not in p and gone not in p}
    return groups


def _near_pairs(means: dict[int, Matrix]) -> list[tuple[int, int]]:
    """Return the pairs of groups of which one is among the nearest of the other."""
    names = list(means)
    centres = np.stack([means[g] for g in names])
    distances = ((centres[:, np.newaxis] - centres) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1, kind="stable")
    n = min(_NEIGHBOURS, len(names) - 1)
    return sorted(
        {
            (min(names[i], names[j]), max(names[i], names[j]))
            for i, row in enumerate(nearest)
            for j in row[:n]
        }
    )


def _valley(first: Matrix, second: Matrix, start: Matrix, end: Matrix) -> float:
    """Return the lowest count between two peaks over the lower of these, 0 to 1."""
    line = end - start
    length = float(np.sqrt((line**2).sum()))
    if length < 1e-9:
        return 1.0
    position = (np.concatenate([first, second]) - start) @ line / length
    span = (-_MARGIN * length, (1 + _MARGIN) * length)
    counts = np.histogram(position, _BINS, span)[0].astype(float)
    counts = gaussian_filter1d(counts, _WIDTH, mode="nearest")
    middle = _BINS // 2
    peaks = int(counts[:middle].argmax()), middle + int(counts[middle:].argmax())
    lower = min(counts[peaks[0]], counts[peaks[1]])
    between = counts[peaks[0] : peaks[1] + 1].min()
    return float(between / lower) if lower > 0 else 1.0

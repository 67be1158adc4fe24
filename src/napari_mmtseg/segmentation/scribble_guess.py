"""First guess of all classes from scribbles, which the networks learn first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.labels.class_number import count_classes
from napari_mmtseg.labels.cluster_merging import ClusterStatistics
from napari_mmtseg.labels.discriminant import Discriminant
from napari_mmtseg.labels.ward import merges

_SAMPLES = 2000
"""Number of pixels that is enough to describe a class."""

_LIKE = 1.0
"""Log odds from which a pixel follows those that were corrected."""

_BELONGS = 0.1
"""Share of a painted class from which a cluster belongs to it."""


def other_classes(
    clusters: Sequence[NDArray[np.int64]],
    images: Sequence[NDArray[np.float32]],
    painted: Sequence[NDArray[np.int32]],
    n_painted: int,
    n_others: int | None,
    merge_threshold: float,
) -> list[NDArray[np.int32]]:
    """Divide unpainted pixels into classes other than the painted ones.

    Clusters in which a class is painted belong to it; all others merge by Ward's
    criterion with each other or with a painted class, never two painted classes, until
    `n_others` are left (automatic, but at least one, if None). Painted pixels are
    1..n_painted, others 0; the result is 1..n_others from dark to bright in other
    classes, else 0. There may be fewer of them than asked for.
    """
    n = max(int(c.max()) for c in clusters) + 1
    statistics = ClusterStatistics.measure(clusters, images, n)
    if n_others is None:
        automatic = max(count_classes(clusters, images, merge_threshold), 2)
        n_others = max(automatic - n_painted, 1)
    group = _groups_of_clusters(clusters, painted, n, n_painted, n_others)
    means, sizes = statistics.means.copy(), statistics.sizes.copy()
    _merge_towards(group, means, sizes, n_painted, n_others)
    found = [
        np.where(paint > 0, -1, group[cluster_map])
        for cluster_map, paint in zip(clusters, painted, strict=True)
    ]
    left = np.unique(np.concatenate([f[f >= n_painted] for f in found]))
    brightness = [
        np.average(means[group == g, 0], weights=sizes[group == g]) for g in left
    ]
    number = np.zeros(n_painted + n + 1, np.int32)  # -1 is the last: 0
    number[left[np.argsort(brightness, kind="stable")]] = np.arange(1, len(left) + 1)
    return [number[f] for f in found]


def _groups_of_clusters(
    clusters: Sequence[NDArray[np.int64]],
    painted: Sequence[NDArray[np.int32]],
    n: int,
    n_painted: int,
    n_others: int,
) -> NDArray[np.intp]:
    """Return the painted class of every cluster, or a number above these.

    At least `n_others` get a number of their own, if enough clusters are left over.
    """
    shares = np.zeros((n, n_painted))
    for cluster_map, paint in zip(clusters, painted, strict=True):
        at = paint > 0
        pairs = cluster_map[at] * n_painted + paint[at] - 1
        shares += np.bincount(pairs, minlength=n * n_painted).reshape(n, n_painted)
    shares /= np.maximum(shares.sum(0), 1)
    share = shares.max(1)
    present = sum(np.bincount(c.ravel(), minlength=n) for c in clusters) > 0
    spare = np.setdiff1d(np.flatnonzero(present), shares.argmax(0))
    free = spare[np.argsort(share[spare], kind="stable")[:n_others]]
    owned = share >= _BELONGS
    owned[free] = False
    return np.where(owned, shares.argmax(1), n_painted + np.arange(n))


def _merge_towards(
    group: NDArray[np.intp],
    means: NDArray[np.float64],
    sizes: NDArray[np.float64],
    n_painted: int,
    n_others: int,
) -> None:
    """Merge the cheapest pair of groups until `n_others` are not painted."""
    group[sizes == 0] = 0
    left = np.unique(group)
    size = np.array([sizes[group == g].sum() for g in left])
    mean = np.stack(
        [np.average(means[group == g], axis=0, weights=sizes[group == g]) for g in left]
    )

    def keep_apart(cost: NDArray[np.float64], places: NDArray[np.intp]) -> None:
        known = left[places] < n_painted
        cost[known[:, np.newaxis] & known] = np.inf

    merging = merges(mean, size, keep_apart)
    for _ in range(int((left >= n_painted).sum()) - n_others):
        kept, gone = next(merging)
        group[group == left[gone]] = left[kept]


def corrected(
    labels: NDArray[np.int32],
    painted: NDArray[np.int32],
    features: NDArray[np.float32],
) -> NDArray[np.int32]:
    """Correct classes (Y, X), from 1, by scribbles.

    Pixels change their class if their `features` (F, Y, X) are more like those of its
    pixels that were painted with another class than like the rest of it.
    """
    result = labels.copy()
    for before in np.unique(labels[(painted > 0) & (painted != labels)]):
        inside = labels == before
        named = np.unique(painted[inside & (painted > 0) & (painted != before)])
        samples = [features[:, inside & (painted == v)].T for v in named]
        confirmed = features[:, inside & (painted == before)].T
        rest = inside & (painted == 0)
        numbers = np.array([before, *named], np.int32)
        # In the second round, pixels that changed no longer describe their old class.
        for _ in range(2):
            own = [sample(features[:, rest & (result == before)].T), confirmed]
            of_class = np.concatenate([s for s in own if len(s)] or samples)
            model = Discriminant.fit([of_class, *samples])
            odds = model.log_odds(features[:, np.newaxis, rest])[0, :, 0]
            best = odds[1:].argmax(0) + 1
            follows = odds.max(0) - odds[0] > _LIKE
            result[rest] = np.where(follows, numbers[best], before)
    result[painted > 0] = painted[painted > 0]
    return result


def sample(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return at most `_SAMPLES` of the pixels (n, F) of a class, evenly spread."""
    return pixels[:: -(-len(pixels) // _SAMPLES) or 1]

"""Ward merging: the two groups whose union costs least come together first.

A union costs the growth of the total squared distance of pixels to their group's mean,
``n_a n_b / (n_a + n_b) |mean_a - mean_b|^2`` (Ward, JASA 1963). SciPy and scikit-learn
begin with single points; neither takes groups that already have a size, so this is our
own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def merges(
    means: Matrix,
    sizes: NDArray[np.float64],
    weigh: Callable[[Matrix, NDArray[np.intp]], None] = lambda cost, left: None,
) -> Iterator[tuple[int, int]]:
    """Merge the cheapest pair of groups until one is left or no pair may merge.

    `means` is (n, C); `sizes` (n,) has no 0. `weigh` changes the costs (k, k) of the
    groups that are left, (k,); infinite costs forbid a merge. Yields the groups that
    become one and keep the first, smaller number.
    """
    means, sizes = means.copy(), sizes.copy()
    left = np.arange(len(sizes))
    while len(left) > 1:
        m, s = means[left], sizes[left]
        cost = ((m[:, np.newaxis] - m[np.newaxis]) ** 2).sum(-1)
        cost *= s[:, np.newaxis] * s / (s[:, np.newaxis] + s)
        weigh(cost, left)
        cost[np.tril_indices(len(left))] = np.inf
        i, j = np.unravel_index(np.argmin(cost), cost.shape)
        if cost[i, j] == np.inf:
            return
        kept, gone = int(left[i]), int(left[j])
        left = np.delete(left, j)
        _join(means, sizes, kept, gone)
        yield kept, gone


def merge_classes(
    means: Matrix,
    sizes: NDArray[np.float64],
    n_labels: int,
    max_cost: float = np.inf,
) -> NDArray[np.intp]:
    """Group classes until `n_labels` are left, the cheapest merge first.

    `means` is (k, C); classes of size 0 join for free. Merging stops early once no
    merge costs less than `max_cost`. Returns the group of every class from 0, in order
    of first appearance.
    """
    n = len(sizes)
    group = np.arange(n)
    if n_labels >= n:
        return group
    cheapest = sorted(_chained_merges(means, sizes), key=lambda merge: merge[0])
    for cost, kept, gone in cheapest[: n - max(n_labels, 1)]:
        if cost >= max_cost:
            break
        group[group == group[gone]] = group[kept]
    groups: NDArray[np.intp] = np.searchsorted(np.unique(group), group)
    return groups


def _chained_merges(
    means: NDArray[np.float64], sizes: NDArray[np.float64]
) -> list[tuple[float, int, int]]:
    """Merge all classes into one; return cost, kept and gone class of every merge.

    Follows the chain of nearest neighbours (Murtagh 1983): the same tree as from the
    cheapest pair every time, in quadratic instead of cubic time. It needs the plain
    criterion, and serves methods that begin with thousands of classes.
    """
    means, sizes = means.astype(np.float64), sizes.astype(np.float64)
    alive = np.ones(len(sizes), bool)
    height = np.zeros(len(sizes))
    merges: list[tuple[float, int, int]] = []
    chain: list[int] = []
    while len(merges) < len(sizes) - 1:
        if not chain:
            chain.append(int(np.argmax(alive)))
        top = chain[-1]
        weight = sizes * sizes[top] / np.maximum(sizes + sizes[top], 1)
        cost = weight * ((means - means[top]) ** 2).sum(1)
        cost[~alive] = np.inf
        cost[top] = np.inf
        nearest = int(np.argmin(cost))
        if len(chain) == 1 or cost[nearest] < cost[chain[-2]]:
            chain.append(nearest)
            continue
        kept, gone = sorted((chain.pop(), chain.pop()))
        # Rounding must not let a merge seem cheaper than those below it in the tree.
        height[kept] = max(
            cost[gone if kept == top else kept], height[kept], height[gone]
        )
        _join(means, sizes, kept, gone)
        alive[gone] = False
        merges.append((float(height[kept]), kept, gone))
    return merges


def _join(means: Matrix, sizes: NDArray[np.float64], kept: int, gone: int) -> None:
    together = sizes[kept] + sizes[gone]
    if together:
        weighted = sizes[kept] * means[kept] + sizes[gone] * means[gone]
        means[kept] = weighted / together
    sizes[kept] = together


def brightness_ranks(
    group: NDArray[np.intp], brightness: NDArray[np.float64], sizes: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return the rank of every group, from 1, dark to bright.

    Groups are those of :func:`merge_classes`; brightness and sizes (k,) are of classes.
    """
    total = np.bincount(group, weights=sizes)
    mean = np.bincount(group, weights=sizes * brightness) / total
    return np.argsort(np.argsort(mean, kind="stable"), kind="stable") + 1

"""How well labels agree with a true segmentation, and label images with each other.

Every measure takes label images of any non-negative numbers. Which number stands for
which segment counts in :func:`named_scores` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment
from skimage.measure import label
from skimage.metrics import contingency_table, variation_of_information

Labels = NDArray[Any]


def one_to_one(labels: Labels, truth: Labels) -> tuple[NDArray[Any], ...]:
    """Return the assignment of labels to true segments that matches most pixels.

    Of several such assignments, the one with the highest sum of intersections over
    union: how labels are numbered must not count.

    Returns
    -------
    table : (n_true, n_labels) ndarray of int
        Common pixels of true segments (rows) and labels (columns).
    rows, columns : ndarray of int
        The matched pairs, min(n_true, n_labels) of them.
    """
    table = contingency_table(truth, labels, normalize=False).toarray().astype(np.int64)
    union = table.sum(1, keepdims=True) + table.sum(0) - table
    # Less than one pixel in all.
    tie_break = table / np.maximum(union, 1) / (min(table.shape) + 1)
    return table, *linear_sum_assignment(table + tie_break, maximize=True)


def pixel_accuracy(labels: Labels, truth: Labels) -> float:
    """Return matched pixels over all pixels under one-to-one assignment."""
    table, rows, columns = one_to_one(labels, truth)
    return float(table[rows, columns].sum() / truth.size)


def wrong_pixels(labels: Labels, truth: Labels) -> NDArray[np.bool_]:
    """Return where labels are not the match of the true segment, one to one."""
    table, rows, columns = one_to_one(labels, truth)
    matched = np.zeros(table.shape, bool)
    matched[rows, columns] = True
    return ~matched[truth, labels]


def error_rates(
    confidence: NDArray[Any], wrong: NDArray[np.bool_], n_groups: int = 10
) -> NDArray[np.float64]:
    """Return the share of wrong pixels in groups of equal size by confidence.

    Where pixels of one confidence belong to several groups, each group gets its share
    of them with the error rate of them all: what is expected in random order.

    Parameters
    ----------
    confidence, wrong : (Y, X) ndarray
        Confidence and error of every pixel.
    n_groups : int
        Number of groups.

    Returns
    -------
    (n_groups,) ndarray
        The least confident first.
    """
    _, ties = np.unique(confidence.ravel(), return_inverse=True)
    pixels = np.concatenate([[0], np.cumsum(np.bincount(ties.ravel()))])
    errors = np.bincount(ties.ravel(), wrong.ravel().astype(float))
    errors = np.concatenate([[0], np.cumsum(errors)])
    ends = np.linspace(0, wrong.size, n_groups + 1)
    return np.diff(np.interp(ends, pixels, errors)) * n_groups / wrong.size


def mean_iou(labels: Labels, truth: Labels) -> float:
    """Mean over the true classes of the intersection over union with their match.

    A class that no label is left for counts 0.
    """
    table, rows, columns = one_to_one(labels, truth)
    matched = table[rows, columns]
    union = table.sum(1)[rows] + table.sum(0)[columns] - matched
    iou = np.zeros(len(table))
    iou[rows] = matched / np.maximum(union, 1)
    return float(iou[table.any(1)].mean())


def best_ious(labels: Labels, truth: Labels) -> NDArray[np.float64]:
    """Best intersection over union of every true segment with any connected region.

    Kim et al. (2020) relabel the connected components of the prediction first and take
    the true segments as they are, in one piece or not.

    Returns
    -------
    (n_true,) ndarray
        One value for each true segment, in the order of their numbers.
    """
    regions = label(labels, background=-1, connectivity=1)
    best, true_sizes = _best_overlaps(regions, truth)
    return best[true_sizes > 0]


def _best_overlaps(
    labels: Labels, truth: Labels
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the best intersection over union of true segments, and their sizes."""
    # Sparse: pixel clusterings have tens of thousands of regions.
    common = contingency_table(truth, labels, normalize=False).tocoo()
    true_sizes, sizes = np.bincount(truth.ravel()), np.bincount(labels.ravel())
    union = true_sizes[common.row] + sizes[common.col] - common.data
    best = np.zeros(len(true_sizes))
    np.maximum.at(best, common.row, common.data / union)
    return best, true_sizes


def boundaries(labels: Labels) -> NDArray[np.bool_]:
    """Pixels whose right or lower neighbour has another label: lines one pixel wide."""
    edges = np.zeros(labels.shape, bool)
    edges[:-1] |= labels[:-1] != labels[1:]
    edges[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return edges


def boundary_f(labels: Labels, truth: Labels, tolerance: float = 0.0075) -> float:
    """F-measure of boundary pixels that have one of the other side within reach.

    Reach is `tolerance` times the image's diagonal. Pixels are looked up in a distance
    transform: several may count the same pixel of the other side, where the Berkeley
    benchmark's bipartite matching gives each one partner only, so values are a little
    higher than that code's.
    """
    found, wanted = boundaries(labels), boundaries(truth)
    if not (found.any() and wanted.any()):
        return float(found.any() == wanted.any())
    reach = tolerance * np.hypot(*truth.shape)
    precision = (distance_transform_edt(~wanted)[found] <= reach).mean()
    recall = (distance_transform_edt(~found)[wanted] <= reach).mean()
    if precision + recall == 0:
        return 0.0
    return float(2 * precision * recall / (precision + recall))


def information_distance(labels: Labels, truth: Labels) -> float:
    """Variation of information in bits, 0 for the same segments."""
    return float(np.sum(variation_of_information(truth, labels)))


def adjusted_rand(labels: Labels, truth: Labels) -> float:
    """Return the adjusted Rand index: 1 for the same segments, about 0 by chance."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(truth.ravel(), labels.ravel()))


def covering(labels: Labels, truth: Labels) -> float:
    """Return how well labels cover true segments (Arbelaez et al., PAMI 33, 2011).

    The mean over all pixels of the best intersection over union that any label has with
    the pixel's true segment.
    """
    best, true_sizes = _best_overlaps(labels, truth)
    return float((true_sizes * best).sum() / truth.size)


def rand_index(labels: Labels, truth: Labels) -> float:
    """Return the share of pairs of pixels that both join, or both divide.

    Its mean over annotators is the probabilistic Rand index (Unnikrishnan et al., PAMI
    29, 2007).
    """
    table = contingency_table(truth, labels, normalize=False)
    together = float((table.data.astype(np.float64) ** 2).sum())
    true_sizes = np.bincount(truth.ravel()).astype(np.float64)
    sizes = np.bincount(labels.ravel()).astype(np.float64)
    differing = (true_sizes**2).sum() + (sizes**2).sum() - 2 * together
    return float(1 - differing / (truth.size * (truth.size - 1.0)))


def photograph_scores(labels: Labels, truths: Sequence[Labels]) -> dict[str, Any]:
    """Compare labels with the segmentations of several annotators.

    Returns
    -------
    dict
        ``accuracy``, ``boundary_f``, ``variation_of_information``, ``adjusted_rand``,
        ``covering`` and ``rand_index``: means over annotators. ``best_iou``: for
        ``all`` annotators, the one with most segments (``fine``) and the one with
        fewest (``coarse``), the sum over true segments of :func:`best_ious` and their
        number, to be pooled over images.
    """
    ious = [best_ious(labels, truth) for truth in truths]
    counts = [len(values) for values in ious]
    chosen = {
        "all": np.concatenate(ious),
        "fine": ious[int(np.argmax(counts))],
        "coarse": ious[int(np.argmin(counts))],
    }
    averaged = {
        "accuracy": pixel_accuracy,
        "boundary_f": boundary_f,
        "variation_of_information": information_distance,
        "adjusted_rand": adjusted_rand,
        "covering": covering,
        "rand_index": rand_index,
    }
    return {
        name: float(np.mean([measure(labels, truth) for truth in truths]))
        for name, measure in averaged.items()
    } | {
        "best_iou": {
            name: {"sum": float(values.sum()), "segments": len(values)}
            for name, values in chosen.items()
        }
    }


def class_scores(labels: Labels, truth: Labels) -> dict[str, Any]:
    """Compare labels with one true class map: ``accuracy`` and ``mean_iou``."""
    return {
        "accuracy": pixel_accuracy(labels, truth),
        "mean_iou": mean_iou(labels, truth),
    }


def named_scores(labels: Labels, truth: Labels) -> dict[str, Any]:
    """Compare labels with true classes of the same numbers.

    Returns
    -------
    dict
        ``accuracy``, and ``mean_iou`` over the true classes.
    """
    ious = []
    for value in np.unique(truth):
        found, wanted = labels == value, truth == value
        ious.append((found & wanted).sum() / (found | wanted).sum())
    return {
        "accuracy": float((labels == truth).mean()),
        "mean_iou": float(np.mean(ious)),
    }

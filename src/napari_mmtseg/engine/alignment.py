"""Label alignment between two cluster maps: the paper's h1 and h2."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

__all__ = ["best_assignment", "contingency_table"]


def contingency_table(source: Tensor, target: Tensor, max_labels: int) -> Tensor:
    """Count pixels by their labels in two cluster maps.

    Parameters
    ----------
    source, target : Tensor of int64
        Cluster maps of the same shape with values in 0..max_labels-1.
    max_labels : int
        The paper's q.

    Returns
    -------
    Tensor of int64, (q, q), on the CPU
        S[i, j]: number of pixels with label i in `source` and j in `target`.
    """
    pairs = source.reshape(-1) * max_labels + target.reshape(-1)
    counts = torch.bincount(pairs, minlength=max_labels**2)
    return counts.reshape(max_labels, max_labels).cpu()


def best_assignment(contingency: Tensor) -> Tensor:
    """One-to-one renaming of rows to columns that keeps most pixels.

    Maximises sum(S * D) over permutation matrices D with the Hungarian method
    (:func:`scipy.optimize.linear_sum_assignment`).

    Parameters
    ----------
    contingency : Tensor, (q, q)
        The table S of :func:`contingency_table`.

    Returns
    -------
    Tensor of int64, (q,)
        The new name of every label of the first map.
    """
    _, columns = linear_sum_assignment(contingency.numpy(), maximize=True)
    return torch.from_numpy(columns)

"""Label alignment between two cluster maps: the paper's h1 and h2."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def contingency_table(source: Tensor, target: Tensor, max_labels: int) -> Tensor:
    """Count pixels by their labels in two cluster maps, as a table (q, q) on the CPU.

    Entry [i, j]: pixels with label i in `source` and j in `target`.
    """
    pairs = source.reshape(-1) * max_labels + target.reshape(-1)
    counts = torch.bincount(pairs, minlength=max_labels**2)
    return counts.reshape(max_labels, max_labels).cpu()


def best_assignment(contingency: Tensor) -> Tensor:
    """Return the one-to-one renaming of rows to columns that keeps most pixels, (q,).

    Maximises sum(S * D) over permutation matrices D with the Hungarian method
    (:func:`scipy.optimize.linear_sum_assignment`).
    """
    _, columns = linear_sum_assignment(contingency.numpy(), maximize=True)
    return torch.from_numpy(columns)

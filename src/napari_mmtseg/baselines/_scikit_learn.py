"""Sampling and threads of the methods of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

N_SAMPLES = 100_000
"""Pixels that a clustering is fitted to at most; all are then assigned."""


def sample_rows(rows: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return at most `N_SAMPLES` random rows of (n, C), without repetition."""
    if len(rows) <= N_SAMPLES:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), N_SAMPLES, replace=False)
    return rows[np.sort(chosen)]


def count_distinct(rows: NDArray[np.float32], enough: int) -> int:
    """Count different rows of (n, C), up to `enough`."""
    rest = rows
    for n in range(enough):
        if not len(rest):
            return n
        rest = rest[(rest != rest[0]).any(axis=1)]
    return enough


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep sums in one order, so that the same seed gives the same labels."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield

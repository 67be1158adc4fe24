"""Waiting of OpenMP's threads, by which PyTorch computes on a processor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_CHOSEN_BY = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
_SPINS = "1000"


@contextmanager
def short_waits() -> Iterator[None]:
    """Let a library that is loaded in the block wait without spinning for long.

    GNU's library, which PyTorch brings on Linux, asks the environment when it is
    loaded, never again. By itself it lets threads spin for milliseconds at every
    barrier, so that on two cores with other work to do each waits for one that cannot
    run: a run took 8 to 17 times as long there as alone, and 4 times like this. Alone
    it takes as long as before, with a quarter less of the processor.
    """
    if any(name in os.environ for name in _CHOSEN_BY):
        yield
        return
    os.environ["GOMP_SPINCOUNT"] = _SPINS
    try:
        yield
    finally:
        del os.environ["GOMP_SPINCOUNT"]

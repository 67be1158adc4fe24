"""Running generators to their end, for those who want no progress."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from napari_mmtseg.errors import Cancelled

__all__ = ["drain"]

_R = TypeVar("_R")


def drain(
    steps: Generator[Any, Any, _R], should_cancel: Callable[[], bool] | None = None
) -> _R:
    """Run a generator to its end and return its value.

    Parameters
    ----------
    steps : generator
        The work.
    should_cancel : callable, optional
        Asked before every step; once it returns True the generator is closed.

    Raises
    ------
    Cancelled
        If `should_cancel` said so.
    """
    while True:
        if should_cancel is not None and should_cancel():
            steps.close()
            raise Cancelled
        try:
            next(steps)
        except StopIteration as end:
            result: _R = end.value
            return result

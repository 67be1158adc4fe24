"""Running generators to their end, for those who want no progress."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

__all__ = ["drain"]

_R = TypeVar("_R")


def drain(steps: Generator[Any, Any, _R]) -> _R:
    """Run a generator to its end and return its value."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _R = end.value
            return result

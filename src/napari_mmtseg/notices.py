"""Notices of the core that its user should read."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Notices(list[str]):
    """Texts in their order, one for each place in the source.

    A remark about every slice of a stack is thus kept for the first of them alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: set[tuple[str, int]] = set()

    def add(self, text: str, place: tuple[str, int]) -> None:
        """Keep a text, unless there is one from its place: a file and a line."""
        if place not in self._places:
            self._places.add(place)
            self.append(text)


# The filters and the hook of the module `warnings` belong to the whole process: a
# thread that changes them for a while takes the warnings of all other threads, and
# restores what another one has set. A context variable is the thread's own.
_collector: ContextVar[Notices | None] = ContextVar("notices", default=None)


def warn(message: str, *, stacklevel: int = 2) -> None:
    """Warn the user, by :mod:`warnings` unless within :func:`collected_notices`."""
    notices = _collector.get()
    if notices is None:
        warnings.warn(message, UserWarning, stacklevel=stacklevel + 1)
        return
    caller = sys._getframe(1)
    notices.add(message, (caller.f_code.co_filename, caller.f_lineno))


@contextmanager
def collected_notices(notices: Notices | None = None) -> Iterator[Notices]:
    """Collect the notices of this thread instead of issuing warnings.

    Do not yield to other code meanwhile: a generator shares the context of the code
    that resumes it, so that it has to collect around every single step of the work.
    Earlier `notices` are continued.

    Examples
    --------
    >>> with collected_notices() as notices:
    ...     warn("The alpha channel is ignored.")
    >>> notices
    ['The alpha channel is ignored.']
    """
    notices = Notices() if notices is None else notices
    token = _collector.set(notices)
    try:
        yield notices
    finally:
        _collector.reset(token)

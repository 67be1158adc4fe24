"""Notices of the core that its user should read."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import FrameType
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_S = TypeVar("_S")
_R = TypeVar("_R")


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


_said: ContextVar[set[str] | None] = ContextVar("said", default=None)


def warn(message: str, *, topic: str = "") -> None:
    """Warn the user, by :mod:`warnings` unless within :func:`collected_notices`.

    The warning names the line that has called this package. Of a `topic` only the first
    remark of a run is heard, see :func:`topics_once`.
    """
    said = _said.get()
    if topic and said is not None:
        if topic in said:
            return
        said.add(topic)
    notices = _collector.get()
    if notices is None:
        warnings.warn(message, UserWarning, stacklevel=_user_level())
        return
    caller = sys._getframe(1)
    notices.add(message, (caller.f_code.co_filename, caller.f_lineno))


def _user_level() -> int:
    """Return the `stacklevel` of the line that has called this package, for `warn`.

    NumPy's and PyTorch's frames may lie between those of the package, so that it is
    the frame outside the outermost of them.
    """
    package = __name__.partition(".")[0]
    level = found = 1
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        level += 1
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package:
            found = level
        frame = frame.f_back
    return found


def topics_once(
    make: Callable[_P, Generator[_S, Any, _R]],
) -> Callable[_P, Generator[_S, Any, _R]]:
    """Decorate a function that returns a run: each topic is heard once in it.

    A run that begins inside another one is a part of it.
    """

    @wraps(make)
    def made(*args: _P.args, **options: _P.kwargs) -> Generator[_S, Any, _R]:
        outer = _said.get()
        said: set[str] = set() if outer is None else outer
        with _topics(said):
            steps = make(*args, **options)
        return _said_once(steps, said)

    return made


def _said_once(steps: Generator[_S, Any, _R], said: set[str]) -> Generator[_S, Any, _R]:
    answer: Any = None
    try:
        while True:
            try:
                with _topics(said):
                    step = steps.send(answer)
            except StopIteration as end:
                result: _R = end.value
                return result
            answer = yield step
    finally:
        steps.close()


@contextmanager
def _topics(said: set[str]) -> Iterator[None]:
    token = _said.set(said)
    try:
        yield
    finally:
        _said.reset(token)


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

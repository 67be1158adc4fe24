"""Ctrl+C at any moment: remembered, and raised when cleaning up is possible."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class _Interrupted(KeyboardInterrupt):
    """Ctrl+C, as an exception other than Python's own.

    A plain KeyboardInterrupt that passes through exec(), which many imports use, makes
    Python end by a signal instead of the exit code, even if it is caught later.
    """


class Interruption:
    """State of Ctrl+C; it is `requested` from the first one on."""

    def __init__(self) -> None:
        self.requested = False
        self._deferred = False

    def listen(self) -> None:
        """Take over SIGINT for the rest of the process."""
        signal.signal(signal.SIGINT, self._on_signal)
        previous_hook = sys.unraisablehook

        def hook(unraisable: Any, /) -> None:
            # Python only reports an interrupt in a destructor; `check` raises it again.
            if not issubclass(unraisable.exc_type, KeyboardInterrupt):
                previous_hook(unraisable)

        sys.unraisablehook = hook

    def ignore(self) -> None:
        """Ignore further interrupts while exiting."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl+C was pressed and has not had its effect."""
        if self.requested:
            raise _Interrupted

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let a block finish first: half an import of a C library breaks it for good.

        Raises KeyboardInterrupt after the block, if Ctrl+C was pressed in it.
        """
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
            self.check()

    def _on_signal(self, signal_number: int, frame: FrameType | None) -> None:
        self.requested = True
        if self._deferred:
            return
        # A second Ctrl+C must not cut the cleaning up short.
        self.ignore()
        raise _Interrupted


interruption = Interruption()

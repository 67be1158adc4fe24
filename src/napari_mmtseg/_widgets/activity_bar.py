"""The run's bar in napari's activity dock."""

from __future__ import annotations

from collections.abc import Callable

from napari.utils import cancelable_progress
from qtpy.QtCore import QTimer

__all__ = ["ActivityBar"]

_INTERVAL = 500
"""Milliseconds between updates."""


class ActivityBar:
    """A bar in napari's activity dock, with a Cancel button.

    Every update of such a bar runs Qt's event loop, so anything may happen during it,
    the end of the run included. It therefore moves by a timer of its own, never inside
    a signal of the run, whose sender might be gone when the signal returns.

    Parameters
    ----------
    cancel : callable
        Called after the user has clicked Cancel in the dock.
    """

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel
        self._text, self._n_steps, self._step = "", 0, 0
        self._run = 0
        self._bar: cancelable_progress | None = None
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_INTERVAL)
        self._timer.timeout.connect(self._update)

    def start(self, n_steps: int, text: str) -> None:
        """Show a new bar; it appears with the first update."""
        self.stop()
        self._text, self._n_steps, self._step = text, n_steps, 0
        self._timer.start()

    def show_step(self, step: int) -> None:
        """Move the bar, with the next update."""
        self._step = step

    def stop(self) -> None:
        """Take the bar away."""
        self._run += 1
        self._timer.stop()
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()

    def _update(self) -> None:
        run, bar = self._run, self._bar
        if bar is None:
            bar = cancelable_progress(total=self._n_steps, desc=self._text)
            if run != self._run:
                bar.close()
                return
            self._bar = bar
        bar.update(self._step - bar.n)
        if run != self._run:
            return
        if bar.is_canceled:
            self._cancel()
        else:
            self._timer.start()

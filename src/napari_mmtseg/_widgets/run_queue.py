"""One run at a time; the next one waits for a cancelled one to end."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_mmtseg._widgets.run import Run
from napari_mmtseg._widgets.worker import Work

__all__ = ["RunQueue"]


class RunQueue(QObject):
    """Runs one piece of work after the other, each in a thread.

    Parameters
    ----------
    parent : QObject
        The panel.

    Attributes
    ----------
    reported : Signal
        Emits what the work tells on its way.
    ended : Signal
        Emits what it ends with, as :attr:`Run.ended`; by then nothing is running.
    started : Signal
        The thread has been started.
    """

    reported = Signal(object)
    ended = Signal(object)
    started = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self._leaving: list[Run] = []

    @property
    def is_running(self) -> bool:
        """Whether a run is under way."""
        return self._run is not None

    def start(self, work: Work) -> None:
        """Start a thread, or wait with it until a cancelled run has ended."""
        assert self._run is None
        run = Run(work, self)
        run.reported.connect(self.reported)
        run.ended.connect(self._on_ended)
        run.left.connect(self._on_left)
        self._run = run
        self._start_next()

    def stop_and_keep(self) -> None:
        """Ask the run to finish with what it has."""
        if self._run is not None:
            self._run.stop_and_keep()

    def cancel(self) -> None:
        """End the run; nothing is heard of it any more."""
        run, self._run = self._run, None
        if run is not None:
            self._leaving.append(run)
            run.cancel()

    def _on_ended(self, outcome: Any) -> None:
        self._run = None
        self.ended.emit(outcome)

    def _on_left(self) -> None:
        run = self.sender()
        if run in self._leaving:
            self._leaving.remove(run)
        if run is not None:
            run.deleteLater()
        self._start_next()

    def _start_next(self) -> None:
        if self._run is None or self._run.is_started or self._leaving:
            return
        self.started.emit()
        self._run.start()

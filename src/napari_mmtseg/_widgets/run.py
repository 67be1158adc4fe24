"""One piece of work in napari's thread worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Qt, Signal

from napari_mmtseg._widgets import worker

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.qt.threading import GeneratorWorker

__all__ = ["Run"]


class Run(QObject):
    """One run, from start to its outcome; after :meth:`cancel` it says no more.

    A run is an object of its own so that a late signal of a cancelled one cannot be
    taken for the next one's.

    Parameters
    ----------
    work : Work
        What to do.
    parent : QObject
        Qt deletes the run, and silences it, with this object.

    Attributes
    ----------
    reported : Signal
        Emits what the work tells on its way, such as a :class:`Notice`.
    ended : Signal
        Emits the outcome, or None if somebody else, such as the closing window, has
        ended the worker. Not emitted after :meth:`cancel`.
    is_started : bool
        Whether the thread has been started.
    left : Signal
        The thread has finished, whatever the reason; always the last signal.
    """

    reported = Signal(object)
    ended = Signal(object)
    left = Signal()

    def __init__(self, work: worker.Work, parent: QObject) -> None:
        super().__init__(parent)
        self._cancelled = False
        self.is_started = False
        self._has_ended = False
        steps = worker.run(work, lambda: self._worker.abort_requested)

        def do_work() -> Generator[Any, str | None, Any]:
            return (yield from steps)

        self._worker: GeneratorWorker[Any, str, Any]
        self._worker = create_worker(do_work, _start_thread=False)
        # In the worker's thread: what the engine holds is freed there and at once.
        self._worker.aborted.connect(
            steps.close, type=Qt.ConnectionType.DirectConnection
        )
        self._worker.yielded.connect(self._on_yielded)
        self._worker.returned.connect(self._on_returned)
        self._worker.finished.connect(self._on_finished)
        # However the panel goes, its worker goes too.
        self.destroyed.connect(self._worker.quit)

    def start(self) -> None:
        """Start the thread."""
        self.is_started = True
        self._worker.start()

    def stop_and_keep(self) -> None:
        """Ask the engine to finish with what it has."""
        self._worker.send("stop")

    def cancel(self) -> None:
        """End the run; nothing but `left` is heard of it any more."""
        self._cancelled = True
        self._worker.quit()
        if not self.is_started:
            self.left.emit()

    @property
    def _silent(self) -> bool:
        return self._cancelled or self._worker.abort_requested

    def _on_yielded(self, message: Any) -> None:
        if not self._silent:
            self.reported.emit(message)

    def _on_returned(self, outcome: Any) -> None:
        if not self._silent:
            self._has_ended = True
            self.ended.emit(outcome)

    def _on_finished(self) -> None:
        if not self._cancelled and not self._has_ended:
            self.ended.emit(None)
        self.left.emit()

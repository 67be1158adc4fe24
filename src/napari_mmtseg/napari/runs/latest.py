"""Compute something in a thread; the latest request wins."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_mmtseg.napari.runs.run import RunQueue, Work


class LatestTask(QObject):
    """Work in a thread on the latest request; earlier ones are dropped.

    A request waits until the thread of the one before it has ended: that one is
    cancelled, but only a generator can be interrupted. A thread starts after `pause`
    milliseconds without another request. `done` emits what the work returns, or
    :class:`Refused` or :class:`Failed` for what it raises; not if the window closes
    meanwhile. Qt deletes the task with `parent`, and nothing is emitted after that.
    """

    reported = Signal(object)
    done = Signal(object)

    def __init__(self, parent: QObject, pause: int = 0) -> None:
        super().__init__(parent)
        self._work: Work | None = None
        self._queue = RunQueue(self)
        self._queue.reported.connect(self.reported)
        self._queue.ended.connect(self._on_ended)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(pause)
        self._timer.timeout.connect(self._start)

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._timer.isActive() or self._queue.is_running

    def request(self, work: Work) -> None:
        """Do some work soon, instead of any earlier request."""
        self.cancel()
        self._work = work
        if self._timer.interval():
            self._timer.start()
        else:
            self._start()

    def cancel(self) -> None:
        """Drop the request."""
        self._timer.stop()
        self._queue.cancel()

    def _start(self) -> None:
        assert self._work is not None
        work, self._work = self._work, None
        self._queue.start(work)

    def _on_ended(self, outcome: Any) -> None:
        if outcome is not None:
            self.done.emit(outcome)

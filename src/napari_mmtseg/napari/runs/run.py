"""One piece of work in napari's thread worker."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeAlias

from napari.qt.threading import GeneratorWorker, create_worker
from qtpy.QtCore import QObject, Signal

from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.napari.runs.outcomes import Failed, Notice, Refused
from napari_mmtseg.notices import Notices, collected_notices

__all__ = ["Run", "RunQueue", "Work", "run_work"]

Work: TypeAlias = Callable[[Callable[[], bool]], Any]
"""A function to call in a thread; it may be a generator function.

Its argument returns True once the work is to be given up; then it may raise
:class:`~napari_mmtseg.errors.Cancelled`. What it yields is reported, "stop" may be sent
to it, and it may raise what it likes."""


class Run(QObject):
    """One run, from start to its outcome; after :meth:`cancel` it says no more.

    A run is an object of its own so that a late signal of a cancelled one cannot be
    taken for the next one's.

    Parameters
    ----------
    work : callable
        What to do, see :data:`Work`.
    parent : QObject
        Qt deletes the run, and silences it, with this object.

    Attributes
    ----------
    reported : Signal
        Emits what the work yields, and a :class:`Notice` for all that it warns of.
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

    def __init__(self, work: Work, parent: QObject) -> None:
        super().__init__(parent)
        self._cancelled = False
        self.is_started = False
        self._has_ended = False
        self._worker: GeneratorWorker[Any, str, Any]
        self._worker = create_worker(
            run_work,
            work,
            lambda: self._worker.abort_requested,
            _start_thread=False,
            _worker_class=_Worker,
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


class RunQueue(QObject):
    """Runs one piece of work after the other, each in a thread.

    Parameters
    ----------
    parent : QObject
        The panel.

    Attributes
    ----------
    reported : Signal
        Emits what the work yields on its way.
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


class _Worker(GeneratorWorker):  # type: ignore[misc]
    """A worker of napari that leaves the module `warnings` alone.

    The one of superqt does its work within ``warnings.catch_warnings()``, which
    changes filters and hook of the whole process: when two workers overlap and the
    first one ends first, the second one restores what the first one had set, for good.
    """

    def run(self) -> None:
        """Do the work; called by Qt in the thread."""
        self.started.emit()
        self._running = True
        outcome = self.work()
        self._gen.close()  # what the engine holds is freed in this thread, and at once
        if isinstance(outcome, RuntimeError):
            return  # Qt has deleted the signals; our own errors come as values
        if not self.abort_requested:
            self.returned.emit(outcome)
        self._running = False
        self.finished.emit()
        self._finished.emit(self)


def run_work(
    work: Work, should_cancel: Callable[[], bool]
) -> Generator[Any, str | None, Any]:
    """Do some work; every error is returned instead of raised.

    Parameters
    ----------
    work : callable
        What to do, see :data:`Work`.
    should_cancel : callable
        Asked in the worker thread, again and again.

    Yields
    ------
    object
        What the work yields, and a :class:`Notice` for all that it warns of.

    Returns
    -------
    object
        What the work returns, :class:`Refused` or :class:`Failed`; None once
        `should_cancel` has returned True.
    """
    steps = _with_errors_as_values(work, should_cancel)
    notices, n_told = Notices(), 0
    answer: str | None = None
    is_last = False
    try:
        while not is_last:
            try:
                with collected_notices(notices):
                    message = steps.send(answer)
            except StopIteration as end:
                message, is_last = end.value, True
            answer = None
            for text in notices[n_told:]:
                answer = (yield Notice(text)) or answer
            n_told = len(notices)
            if not is_last:
                answer = (yield message) or answer
    finally:
        steps.close()
    return message


def _with_errors_as_values(
    work: Work, should_cancel: Callable[[], bool]
) -> Generator[Any, str | None, Any]:
    try:
        result = work(should_cancel)
        return (yield from result) if isinstance(result, Generator) else result
    except Cancelled:
        return None
    except InputError as error:
        return Refused(str(error))
    except Exception as error:
        return Failed(error)

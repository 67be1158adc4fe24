"""Work in napari's thread worker, one piece after the other, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from napari.qt.threading import GeneratorWorker, create_worker
from napari.utils.notifications import notification_manager, show_warning
from qtpy.QtCore import QObject, Signal

from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.notices import Notices, collected_notices


@dataclass(frozen=True)
class Notice:
    """A warning that the user should read."""

    text: str


@dataclass(frozen=True)
class Refused:
    """Input that cannot be used; the text says what can."""

    text: str

    @property
    def summary(self) -> str:
        """One sentence for the panel."""
        return self.text


@dataclass(frozen=True)
class Failed:
    """An unexpected error, handed over as a value.

    A napari worker that raises a RuntimeError, as torch does for most errors, ends
    without a word.
    """

    error: Exception

    @property
    def text(self) -> str:
        """The message of the error."""
        return str(self.error)

    @property
    def summary(self) -> str:
        """One sentence for the panel."""
        return "The run has failed; see the notification."


def show_problem(problem: Refused | Failed) -> None:
    """Show a notification: a warning, or an error with its traceback."""
    if isinstance(problem, Refused):
        show_warning(problem.text)
        return
    error = problem.error
    notification_manager.receive_error(type(error), error, error.__traceback__)


Work: TypeAlias = Callable[[Callable[[], bool]], Any]
"""A function to call in a thread; it may be a generator function.

Its argument returns True once the work is to be given up; then it may raise
:class:`~napari_mmtseg.errors.Cancelled`. Its yields are reported, "stop" may be sent to
it, and it may raise any exception."""


class RunQueue(QObject):
    """A queue of work for a thread; the next waits until a cancelled one has ended.

    `reported` emits the yields of the work, and a :class:`Notice` for all that it warns
    of. `ended` emits the outcome, see :func:`run_work`, or None if the window is
    closing; nothing is running by then. It is not emitted after :meth:`cancel`. Qt
    deletes the queue with `parent`, and nothing is emitted after that.
    """

    started = Signal()
    reported = Signal(object)
    ended = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: Work | None = None
        self._worker: _Worker | None = None
        self._is_wanted = False  # or the thread does cancelled work
        self._has_begun = self._stops = False
        self._guard: QObject | None = None  # while there is a thread

    @property
    def is_running(self) -> bool:
        """Whether an outcome is still to come."""
        return self._is_wanted or self._waiting is not None

    def start(self, work: Work) -> None:
        """Start a thread, or wait with it until that of cancelled work has ended."""
        assert not self.is_running
        self._waiting = work
        self._has_begun = self._stops = False
        self._start_next()

    def stop_and_keep(self) -> None:
        """Ask the work to finish with what it has."""
        self._stops = True
        # A generator that has not begun takes no answer: it gets this one later.
        if self._worker is not None and self._has_begun:
            self._worker.send("stop")

    def cancel(self) -> None:
        """End the work; nothing more of it is emitted."""
        self._waiting = None
        self._is_wanted = False
        if self._worker is not None and self._guard is not None:
            self._worker.quit()

    def _start_next(self) -> None:
        if self._guard is not None or self._waiting is None:
            return
        work, self._waiting = self._waiting, None
        worker: _Worker = create_worker(
            run_work,
            work,
            lambda: worker.abort_requested,
            _start_thread=False,
            _worker_class=_Worker,
        )
        worker.yielded.connect(self._on_yielded)
        worker.returned.connect(self._on_returned)
        worker.finished.connect(self._on_finished)
        self._worker = worker  # kept until the next one: it may be emitting a signal
        # However the panel goes, its thread goes too. Not a lambda on the queue's own
        # signal: PyQt frees it while it runs.
        self._guard = QObject(self)
        self._guard.destroyed.connect(worker.quit)
        self._is_wanted = True
        self.started.emit()
        worker.start()

    # There is one thread at a time, and its signals arrive in order: none of cancelled
    # work arrives after the next work has started.

    def _on_yielded(self, message: Any) -> None:
        worker = self._worker
        if not self._is_wanted or worker is None or worker.abort_requested:
            return
        if not self._has_begun:
            self._has_begun = True
            if self._stops:
                worker.send("stop")
        self.reported.emit(message)

    def _on_returned(self, outcome: Any) -> None:
        if self._is_wanted:
            self._is_wanted = False
            self.ended.emit(outcome)

    def _on_finished(self) -> None:
        assert self._guard is not None
        self._guard.deleteLater()
        self._guard = None
        if self._is_wanted:  # napari has ended the thread, as it does when it closes
            self._is_wanted = False
            self.ended.emit(None)
        self._start_next()


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
        with suppress(RuntimeError):  # it has, if the work did not yield
            if not self.abort_requested:
                self.returned.emit(outcome)
            self._running = False
            self.finished.emit()
            self._finished.emit(self)


def run_work(
    work: Work, should_cancel: Callable[[], bool]
) -> Generator[Any, str | None, Any]:
    """Do some work; every error is returned instead of raised.

    Yields what the work yields, and a :class:`Notice` for all that it warns of. Returns
    its value, :class:`Refused` or :class:`Failed`; None once `should_cancel`, which is
    asked again and again in the worker thread, has returned True.
    """
    steps = _with_errors_as_values(work, should_cancel)
    notices, n_reported = Notices(), 0
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
            for text in notices[n_reported:]:
                answer = (yield Notice(text)) or answer
            n_reported = len(notices)
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

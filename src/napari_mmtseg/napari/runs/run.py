"""One piece of work in napari's thread worker."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Qt, Signal

from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.napari.runs.outcomes import Failed, Refused

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.qt.threading import GeneratorWorker

__all__ = ["Run", "RunQueue", "Work", "run_work"]


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

    def __init__(self, work: Work, parent: QObject) -> None:
        super().__init__(parent)
        self._cancelled = False
        self.is_started = False
        self._has_ended = False
        steps = run_work(work, lambda: self._worker.abort_requested)

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


_log = logging.getLogger(__name__)

_PACKAGE = Path(__file__).parents[2]
"""Folder of this package: warnings that come from it are for the user."""


class Work(Protocol):
    """Something to do in a thread that tells on its way how far it is."""

    def steps(
        self, notices: list[str], should_cancel: Callable[[], bool]
    ) -> Generator[Any, str | None, Any]:
        """Do it; may raise whatever the work raises.

        Parameters
        ----------
        notices : list of str
            Where warnings arrive, to be passed on.
        should_cancel : callable
            Once it returns True, :class:`~napari_mmtseg.errors.Cancelled` is raised.
        """


def run_work(
    work: Work, should_cancel: Callable[[], bool]
) -> Generator[Any, str | None, Any]:
    """Do some work; every error is returned instead of raised.

    Parameters
    ----------
    work : Work
        What to do.
    should_cancel : callable
        Asked in the worker thread, again and again.

    Yields
    ------
    object
        What the work yields.

    Returns
    -------
    object
        What the work returns, :class:`Refused` or :class:`Failed`; None once
        `should_cancel` has returned True.
    """
    notices: list[str] = []
    try:
        with _collected_warnings(notices):
            return (yield from work.steps(notices, should_cancel))
    except Cancelled:
        return None
    except InputError as error:
        return Refused(str(error))
    except Exception as error:
        return Failed(error)


@contextmanager
def _collected_warnings(notices: list[str]) -> Iterator[None]:
    """Keep our own warnings for the user; log the rest, which napari would show."""
    home = str(_PACKAGE)
    said: set[tuple[str, int]] = set()

    def collect(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        *_: Any,
        **__: Any,
    ) -> None:
        if issubclass(category, UserWarning) and filename.startswith(home):
            # Once for a run, not for every slice.
            if (filename, lineno) not in said:
                said.add((filename, lineno))
                notices.append(str(message))
        else:
            _log.info("%s:%s: %s: %s", filename, lineno, category.__name__, message)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = collect
        yield

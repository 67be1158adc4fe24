"""Looks, in a thread, at what a batch would do."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_mmtseg._widgets.outcomes import Failed, Refused
from napari_mmtseg._widgets.run_queue import RunQueue
from napari_mmtseg.batch_plan import BatchPlan, BatchRequest, plan_batch
from napari_mmtseg.batch_record import BatchRecord
from napari_mmtseg.errors import InputError

__all__ = ["BatchPlanner", "Prospect"]

_PAUSE = 250
"""Milliseconds without a change before the folder is looked at."""


@dataclass(frozen=True)
class Prospect:
    """What a batch would do.

    Attributes
    ----------
    request : BatchRequest
        What is asked for; with `resume` where only that can be done.
    records : tuple of BatchRecord
        Of all images; they wait.
    reason : str
        Why Run cannot do it; empty where it can.
    """

    request: BatchRequest
    records: tuple[BatchRecord, ...]
    reason: str = ""

    @property
    def can_resume(self) -> bool:
        """Whether an earlier run can be taken up."""
        return self.request.resume


@dataclass(frozen=True)
class _Look:
    request: BatchRequest

    def steps(
        self, notices: list[str], should_cancel: Callable[[], bool]
    ) -> Generator[Any, str | None, Prospect]:
        """Plan the batch, and as one that goes on where a new one cannot be."""
        yield from ()
        try:
            return _prospect(plan_batch(self.request))
        except InputError as refused:
            resumed = replace(self.request, resume=True)
            try:
                return _prospect(plan_batch(resumed), str(refused))
            except InputError:
                raise refused from None


def _prospect(plan: BatchPlan, reason: str = "") -> Prospect:
    records = tuple(BatchRecord(item) for item in plan.items)
    return Prospect(plan.request, records, reason)


class BatchPlanner(QObject):
    """Looks at the latest request, after a pause; nothing is heard of earlier ones.

    Parameters
    ----------
    parent : QObject
        The panel.

    Attributes
    ----------
    planned : Signal
        Emits a :class:`Prospect`, :class:`Refused` or :class:`Failed`.
    """

    planned = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._queue = RunQueue(self)
        self._queue.ended.connect(self._on_ended)
        self._request: BatchRequest | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._start)

    @property
    def is_looking(self) -> bool:
        """Whether there is an answer to come."""
        return self._timer.isActive() or self._queue.is_running

    def look(self, request: BatchRequest) -> None:
        """Look at a request soon."""
        self.forget()
        self._request = request
        self._timer.start()

    def forget(self) -> None:
        """Look at nothing any more."""
        self._timer.stop()
        self._queue.cancel()

    def _start(self) -> None:
        assert self._request is not None
        self._queue.start(_Look(self._request))

    def _on_ended(self, outcome: Prospect | Refused | Failed | None) -> None:
        if outcome is not None:
            self.planned.emit(outcome)

"""Looks, in a thread, at what a batch would do."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_mmtseg.batch.plan import BatchRequest, plan_batch, results_there
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.batch.run import records_before
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.runs.outcomes import Failed, Refused
from napari_mmtseg.napari.runs.preload import no_full_collection
from napari_mmtseg.napari.runs.progress import count
from napari_mmtseg.napari.runs.run import RunQueue

__all__ = ["PAUSE", "BatchPlanner", "Prospect"]

PAUSE = 250
"""Milliseconds without a change before the folder is looked at."""

_WAYS_OUT = "Choose another folder for the labels, or Advanced: Replace labels."
_OTHER_RUN = (
    "Load settings takes the settings of that run from its folder. Or choose another "
    "folder for the labels, or Advanced: Replace labels."
)

_LONGEST = 240
"""Characters of a reason that come from elsewhere."""


@dataclass(frozen=True)
class Prospect:
    """What a batch would do.

    Attributes
    ----------
    records : tuple of BatchRecord
        Of all images: they wait, or were done in an earlier run.
    reason : str
        Why a new run cannot do it; empty where it can.
    can_resume : bool
        Whether an earlier run can be gone on with.
    """

    records: tuple[BatchRecord, ...]
    reason: str = ""
    can_resume: bool = False


@dataclass(frozen=True)
class _Look:
    request: BatchRequest

    def steps(
        self, should_cancel: Callable[[], bool]
    ) -> Generator[Any, str | None, Prospect]:
        """Look at a new batch, or at one that goes on where it has to."""
        yield from ()
        with no_full_collection():
            return self._find(should_cancel)

    def _find(self, should_cancel: Callable[[], bool]) -> Prospect:
        # On its own, because this takes long in the wrong folder and may be given up.
        plan = plan_batch(replace(self.request, overwrite=True), should_cancel)
        waiting = tuple(BatchRecord(item, "waiting") for item in plan.items)
        if closed := _closed_folder(plan.request.target):
            return Prospect(
                waiting,
                f"Nothing can be written into {closed}. Choose another folder for the "
                "labels.",
            )
        if self.request.overwrite or not results_there(plan):
            return Prospect(records_before(self.request, should_cancel))
        folder = f"“{plan.request.target.name}”"
        if not plan.journal_path.exists():
            return Prospect(waiting, f"{folder} holds other files. {_WAYS_OUT}")
        try:
            resumed = records_before(replace(self.request, resume=True), should_cancel)
        except InputError as error:
            why = shorten(str(error), _LONGEST, placeholder="…")
            return Prospect(
                waiting,
                f"{folder} holds a run that cannot be gone on with: {why} {_OTHER_RUN}",
            )
        n, n_done = len(resumed), sum(r.status == "skipped" for r in resumed)
        if n_done == n:
            return Prospect(
                resumed, f"All {count(n, 'image')} have labels in {folder}. {_WAYS_OUT}"
            )
        if n_done:
            text = (
                f"{n_done:,} of {count(n, 'image')} have labels in {folder}: Resume "
                "labels the others."
            )
        else:
            text = (
                f"{folder} holds a run that has not labelled anything yet: Resume "
                f"labels {count(n, 'image')}."
            )
        return Prospect(resumed, text, can_resume=True)


def _closed_folder(target: Path) -> Path | None:
    """Return the folder that would be written into, if it may not be."""
    folder = target.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return None if os.access(folder, os.W_OK | os.X_OK) else folder


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
        self._timer.setInterval(PAUSE)
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

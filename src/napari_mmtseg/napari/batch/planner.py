"""Preview of a batch: the images, and whether it can start or resume."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten

from napari_mmtseg.batch.plan import BatchRequest, plan_batch, results_there
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.batch.run import prepare, records_before
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.runs.preload import no_full_collection
from napari_mmtseg.napari.runs.progress import count

PAUSE = 250
"""Milliseconds without a change before the folder is looked at."""

_WAYS_OUT = "Choose another folder for the labels, or More: Replace labels."
_OTHER_RUN = (
    "Load settings takes the settings of that run from its folder. Or choose another "
    "folder for the labels, or More: Replace labels."
)

_LONGEST = 240
"""Characters of a reason that come from elsewhere."""


@dataclass(frozen=True)
class Prospect:
    """Outcome of planning a batch.

    Records wait, or were done in an earlier run. `reason` says why a new run is not
    possible; it is empty if it is.
    """

    records: tuple[BatchRecord, ...]
    reason: str = ""
    can_resume: bool = False


@no_full_collection()
def look(request: BatchRequest, should_cancel: Callable[[], bool]) -> Prospect:
    """Plan a new batch, or the resumption of an earlier run; for a thread."""
    # On its own, because this takes long in the wrong folder and may be given up.
    plan = plan_batch(replace(request, overwrite=True), should_cancel)
    waiting = tuple(BatchRecord(item, "waiting") for item in plan.items)
    if closed := _closed_folder(plan.request.target):
        return Prospect(
            waiting,
            f"Nothing can be written into {closed}. Choose another folder for the "
            "labels.",
        )
    if request.overwrite or not results_there(plan):
        return Prospect(records_before(request, should_cancel))
    folder = f"“{plan.request.target.name}”"
    if not plan.journal_path.exists():
        return Prospect(waiting, f"{folder} holds other files. {_WAYS_OUT}")
    try:
        start = prepare(replace(request, resume=True), should_cancel)
    except InputError as error:
        why = shorten(str(error), _LONGEST, placeholder="…")
        return Prospect(
            waiting, f"{folder} holds a run that cannot be resumed: {why} {_OTHER_RUN}"
        )
    unreadable = start.previous.unreadable
    resumed = tuple(unreadable.get(n, r) for n, r in start.records().items())
    n, n_done = len(resumed), sum(r.status == "skipped" for r in resumed)
    images = count(n, "image")
    if n_done == n:
        return Prospect(resumed, f"All {images} have labels in {folder}. {_WAYS_OUT}")
    if n_done + len(unreadable) == n:
        files = count(len(unreadable), "file")
        pronoun = "it" if len(unreadable) == 1 else "them"
        return Prospect(
            resumed,
            f"{files} cannot be read, all others have labels in {folder}. Mend "
            f"{pronoun} to resume. {_WAYS_OUT}",
        )
    if n_done:
        text = (
            f"{n_done:,} of {images} have labels in {folder}: Resume labels the others"
        )
    else:
        state = "a run that has not labelled anything yet"
        text = f"{folder} holds {state}: Resume labels {images}"
    return Prospect(resumed, f"{text}.", can_resume=True)


def _closed_folder(target: Path) -> Path | None:
    """Return the folder that would be written into, if it may not be."""
    folder = target.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return None if os.access(folder, os.W_OK | os.X_OK) else folder

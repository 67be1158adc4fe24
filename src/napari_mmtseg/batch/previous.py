"""State of an earlier run in a folder of labels, compared with the present one."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_mmtseg.batch.journal import BEGIN_AGAIN, Journal, differences, read_journal
from napari_mmtseg.batch.plan import BatchItem, BatchPlan, BatchRequest, first_names
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import remove_leftovers
from napari_mmtseg.settings.fields import SegmentationSettings

_HOW = {"mode", "model", "fit_on"}
_RESUMED = {
    *_HOW,
    "settings",
    "file_format",
    "axes",
    "channel_axis",
    "series",
    "channels",
    "pattern",
}
"""Parts of a request that a resumed batch takes from the journal unless given."""

_OURS = ("waiting", "running", "done")
"""Last notes of an image after which its label file is one of this batch."""

_SHOWN = 3
"""Number of label files that an error lists."""


@dataclass(frozen=True)
class PreviousRun:
    """State that an earlier run has left: images that are done, or are no images."""

    done: Mapping[str, BatchRecord] = field(default_factory=dict)
    model: str = ""
    unreadable: Mapping[str, BatchRecord] = field(default_factory=dict)


def start_journal(journal: Journal, plan: BatchPlan) -> None:
    """Start a journal; existing label files of the plan may be replaced."""
    replaced = [i for i in plan.items if os.path.lexists(i.labels)]
    lines = [{"name": i.name, "status": "waiting"} for i in replaced]
    journal.start(lines, pattern=plan.request.pattern)


def note_begun(journal: Journal, items: Sequence[BatchItem]) -> None:
    """Note that images are begun, before any of their labels are written."""
    stamps = [(item.name, _stamp(item.image)) for item in items]
    journal.add(*({"name": n, "status": "running", "image": s} for n, s in stamps))


def note_record(journal: Journal, record: BatchRecord) -> None:
    """Note the outcome of an image."""
    item = record.item
    if record.status == "failed" and (record.is_lost or os.path.lexists(item.labels)):
        return  # it stays "running": its label file is ours and may be replaced
    values = asdict(record)
    del values["item"], values["is_lost"]
    journal.add({"name": item.name, **values})


def previous_run(journal: Journal, plan: BatchPlan) -> PreviousRun:
    """Return the state that an earlier run has left."""
    first, lines = read_journal(journal.path)
    _check_same(plan, first["about"], journal.about)
    notes: dict[str, dict[str, Any]] = {}
    model = ""
    for line in lines:
        model = line.get("model", model)
        name = line.get("name")
        if isinstance(name, str):
            notes[name] = {**notes.get(name, {}), **line}
    existing = [item for item in plan.items if os.path.lexists(item.labels)]
    foreign = [i for i in existing if notes.get(i.name, {}).get("status") not in _OURS]
    if foreign:
        names = [item.labels.name for item in foreign]
        raise InputError(
            f"{plan.request.target} holds label files that this batch has not made: "
            f"{first_names(names, _SHOWN)}. Move "
            "them away, or leave out their images with a pattern."
        )
    records = (_record(item, notes[item.name]) for item in existing)
    done = {r.item.name: r for r in records if r is not None}
    unreadable = {
        item.name: BatchRecord(item, "failed", error=str(note["error"]))
        for item in plan.items
        if (note := notes.get(item.name, {})).get("status") == "failed"
        and note.get("is_unreadable")
        and note.get("image") == _stamp(item.image)
    }
    return PreviousRun(done, str(model), unreadable)


def _check_same(
    plan: BatchPlan, before: Mapping[str, Any], now: Mapping[str, Any]
) -> None:
    target = plan.request.target
    if before.get("source") != now["source"]:
        raise InputError(
            f"The batch in {target} labels the images of {before.get('source')}, "
            f"not of {now['source']}. Give that folder, or name another one for the "
            "labels."
        )
    if different := differences(before, now):
        raise InputError(
            f"The batch in {target} was begun with other settings: {different}. Give "
            "the same, or none on the command line to take those; or name another "
            "folder."
        )


def resumed_request(request: BatchRequest, given: set[str]) -> BatchRequest:
    """Return a request that resumes a batch with the options it was begun with."""
    plan = BatchPlan(request, ())
    first, _ = read_journal(plan.journal_path)
    about = {**first["about"], "pattern": first.get("pattern", "*")}
    names = set(_RESUMED) - given
    if _HOW & given:
        names -= _HOW  # they belong together
    values = {name: about[name] for name in names if name in about}
    if values.get("model") is not None:
        values["model"] = plan.model_path
    try:
        if "settings" in values:
            values["settings"] = SegmentationSettings(**values["settings"])
        return replace(request, **values)
    except (InputError, TypeError) as error:
        raise InputError(
            f"{plan.journal_path} is damaged or of another version ({error}). "
            f"{BEGIN_AGAIN}"
        ) from error


def _record(item: BatchItem, note: Mapping[str, Any]) -> BatchRecord | None:
    """Return the record of an image that is done and still the same."""
    if note["status"] != "done" or note.get("image") != _stamp(item.image):
        return None
    try:
        return BatchRecord(
            item,
            "skipped",
            float(note["seconds"]),
            int(note["n_labels"]),
            tuple(note["shape"]),
            {int(k): int(v) for k, v in note["pixels"].items()},
            str(note["error"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _stamp(image: Path) -> list[int] | None:
    """Return size and time of a file; None for a folder, which has neither."""
    try:
        found = image.stat()
    except OSError:
        return None
    return None if image.is_dir() else [found.st_size, found.st_mtime_ns]


def remove_unfinished(plan: BatchPlan) -> None:
    """Remove the unfinished files of a killed run."""
    names: defaultdict[Path, set[str]] = defaultdict(set)
    own = (plan.model_path, plan.summary_path, plan.journal_path, plan.settings_path)
    for path in (*own, *(item.labels for item in plan.items)):
        names[path.parent].add(path.name)
    for folder, left in names.items():
        remove_leftovers(folder, left)

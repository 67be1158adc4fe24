"""The journal of a batch: what is begun and what is done, line by line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_mmtseg.batch.plan import BatchItem, BatchPlan, BatchRequest
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import write_atomically
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["Journal", "PreviousRun", "resumed_request"]

_FORMAT = "napari-mmtseg batch"
_VERSION = 2

_HOW = {"mode", "model", "fit_on"}
_RESUMED = {*_HOW, "settings", "file_format", "axes", "channel_axis", "pattern"}
"""What a batch goes on with where nothing else is asked for, by name in the request."""

_OURS = ("waiting", "running", "done")
"""Last notes of an image after which the file of its labels is one of this batch."""

_SHOWN = 3


@dataclass(frozen=True)
class PreviousRun:
    """What an earlier run has left.

    Attributes
    ----------
    done : mapping of str to BatchRecord
        Of images that have their labels, by name.
    model : str
        Digest of the model that made them; empty before there was one.
    """

    done: Mapping[str, BatchRecord] = field(default_factory=dict)
    model: str = ""


class Journal:
    """Notes what is done, line by line, so that nothing of it is done again.

    Parameters
    ----------
    plan : BatchPlan
        Whose journal it is.
    about : mapping
        What has to be the same for a run to go on with an earlier one, by name.
    """

    def __init__(self, plan: BatchPlan, about: Mapping[str, Any]) -> None:
        self._path = plan.journal_path
        self._plan = plan
        self._about = json.loads(json.dumps(dict(about)))

    def begin(self) -> None:
        """Start anew; label files of the plan that are there may be replaced.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        first = {
            "format": _FORMAT,
            "version": _VERSION,
            "about": self._about,
            "pattern": self._plan.request.pattern,
        }
        replaced = [i for i in self._plan.items if os.path.lexists(i.labels)]
        lines = [first, *({"name": i.name, "status": "waiting"} for i in replaced)]
        write_atomically(self._path, _encoded(lines), overwrite=True)

    def past(self) -> PreviousRun:
        """Return what an earlier run has left.

        Raises
        ------
        InputError
            If there was none, it was another one, or label files are there that it has
            not made.
        """
        first, lines = _read(self._path)
        self._compare(first.get("about", {}))
        notes: dict[str, dict[str, Any]] = {}
        model = ""
        for line in lines:
            model = line.get("model", model)
            name = line.get("name")
            if isinstance(name, str):
                notes[name] = {**notes.get(name, {}), **line}
        done = {}
        foreign = []
        for item in self._plan.items:
            if not os.path.lexists(item.labels):
                continue
            note = notes.get(item.name, {})
            if note.get("status") not in _OURS:
                foreign.append(item)
            elif (record := _record(item, note)) is not None:
                done[item.name] = record
        if foreign:
            more = f" and {len(foreign) - _SHOWN} more" * (len(foreign) > _SHOWN)
            raise InputError(
                f"{self._path.parent} holds label files that this batch has not made: "
                f"{', '.join(i.labels.name for i in foreign[:_SHOWN])}{more}. Move "
                "them away, or leave out their images with a pattern."
            )
        return PreviousRun(done, str(model))

    def note_begun(self, items: Sequence[BatchItem]) -> None:
        """Add that images are begun, before anything of theirs is written."""
        self._add(
            {"name": i.name, "status": "running", "image": _stamp(i.image)}
            for i in items
        )

    def note_model(self, digest: str) -> None:
        """Add which model labels the images."""
        self._add([{"model": digest}])

    def note(self, record: BatchRecord) -> None:
        """Add the record of an image."""
        item = record.item
        if record.status == "failed" and (
            record.is_lost or os.path.lexists(item.labels)
        ):
            return  # as one that runs: the file may be replaced
        values = asdict(record)
        del values["item"], values["is_lost"]
        self._add([{"name": item.name, **values}])

    def _add(self, lines: Iterable[Mapping[str, Any]]) -> None:
        with self._path.open("ab") as file:
            # After a line that was cut off, ours begins on one of its own.
            file.write(b"\n" + _encoded(lines))
            file.flush()
            os.fsync(file.fileno())

    def _compare(self, before: Mapping[str, Any]) -> None:
        folder, now = self._path.parent, self._about
        if before.get("source") != now.get("source"):
            raise InputError(
                f"The batch in {folder} labels the images of {before.get('source')}, "
                f"not of {now.get('source')}. Give that folder, or name another one "
                "for the labels."
            )
        differences = [*_differences(before, now)]
        if differences:
            more = ", ..." * (len(differences) > _SHOWN)
            raise InputError(
                f"The batch in {folder} was begun with other settings: "
                f"{', '.join(differences[:_SHOWN])}{more}. Give the same as then, or "
                "none on the command line, where these are taken; or name another "
                "folder."
            )


def resumed_request(request: BatchRequest, given: set[str]) -> BatchRequest:
    """Return a request that goes on with a batch as that was begun.

    Parameters
    ----------
    request : BatchRequest
        With `resume`.
    given : set of str
        Names of what stays as it is in the request; all else is as in the journal.

    Raises
    ------
    InputError
        If there is no batch to go on with.
    """
    plan = BatchPlan(request, ())
    first, _ = _read(plan.journal_path)
    about = {**first.get("about", {}), "pattern": first.get("pattern", "*")}
    names = set(_RESUMED) - given
    if _HOW & given:
        names -= _HOW  # they belong together
    values = {name: about[name] for name in names if name in about}
    if values.get("model") is not None:
        values["model"] = plan.model_path
    if "settings" in values:
        values["settings"] = SegmentationSettings(**values["settings"])
    return replace(request, **values)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    for name in sorted({*before, *now} - {"source", "settings", "model"}):
        if before.get(name) != now.get(name):
            yield f"{name} (was {before.get(name)!r}, is {now.get(name)!r})"
    if before.get("model") != now.get("model"):
        words = ["none" if a.get("model") is None else "a file" for a in (before, now)]
        yield (
            "model (another file)"
            if words == ["a file"] * 2
            else f"model (was {words[0]}, is {words[1]})"
        )
    old, new = before.get("settings", {}), now.get("settings", {})
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield f"{name} (was {old.get(name)!r}, is {new.get(name)!r})"


def _read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the first line and those of the others that are whole."""
    try:
        lines = path.read_text("utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        raise InputError(
            f"{path.parent} holds no batch to go on with. Leave out --resume (resume)."
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    first, *others = (_parsed(line) for line in lines)
    if first.get("format") != _FORMAT or first.get("version") != _VERSION:
        raise InputError(
            f"{path} is damaged or of another version, so it is not known what is "
            "done. Begin anew (--overwrite, overwrite=True), or name another folder."
        )
    return first, [line for line in others if line]


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
    """Tell a file from a changed one; a folder changes with what is put into it."""
    try:
        found = image.stat()
    except OSError:
        return None
    return None if image.is_dir() else [found.st_size, found.st_mtime_ns]


def _encoded(lines: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def _parsed(line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}

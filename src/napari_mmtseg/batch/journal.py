"""A journal: the options of a run, and line by line what it has done."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import write_atomically

_FORMAT = "napari-mmtseg batch"
_VERSION = 2

BEGIN_AGAIN = "Begin again (overwrite=True), or name another folder."

Line = dict[str, Any]

_SHOWN = 3
"""Number of differences that an error lists."""


class Journal:
    """A file that a run adds a line to whenever something is done."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path = path
        self.about: Line = json.loads(json.dumps(dict(about)))

    def start(self, lines: Iterable[Mapping[str, Any]] = (), **more: Any) -> None:
        """Write a new file with the options and `lines`."""
        first = {"format": _FORMAT, "version": _VERSION, "about": self.about, **more}
        write_atomically(self.path, _encoded([first, *lines]), overwrite=True)

    def add(self, *lines: Mapping[str, Any]) -> None:
        """Add lines; they are on the disk when this returns.

        Raises InputError if the disk is full, or the folder of the run is gone.
        """
        try:
            with open(self.path, "ab", opener=_open_existing) as file:
                # After a line that was cut off, ours begins on one of its own.
                file.write(b"\n" + _encoded(lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be written: {error.strerror or error}. Labels "
                "that are done stay as they are. Once there is room in the folder, "
                "resume the run (resume=True)."
            ) from error


def _open_existing(path: str, flags: int) -> int:
    """Open a file that is there: a folder that comes back empty holds no run."""
    return os.open(path, flags & ~os.O_CREAT)


def read_journal(path: Path) -> tuple[Line, list[Line]]:
    """Return the first line and the other ones, without damaged ones."""
    try:
        lines = path.read_text("utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        raise InputError(
            f"{path.parent} holds no run to resume. Leave out resume=True."
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    first, *others = (_parsed(line) for line in lines)
    is_ours = (first.get("format"), first.get("version")) == (_FORMAT, _VERSION)
    if not is_ours or not isinstance(first.get("about"), dict):
        raise InputError(
            f"{path} is damaged or of another version, so it cannot be resumed. "
            f"{BEGIN_AGAIN}"
        )
    return first, [line for line in others if line]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the differences between two runs in words; empty without any."""
    found = [*_differences(before, now)]
    return ", ".join(found[:_SHOWN]) + ", ..." * (len(found) > _SHOWN)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *now} - {"settings", "model"}):
        if before.get(name) != now.get(name):
            yield f"{name} (was {before.get(name)!r}, is {now.get(name)!r})"
    if before.get("model") != now.get("model"):
        was, has = ("a file" if x.get("model") else "none" for x in (before, now))
        yield f"model ({'another file' if was == has else f'was {was}, is {has}'})"
    if "settings" in now:
        settings = before.get("settings")
        known = settings if isinstance(settings, dict) else {}
        yield from _differences(known, now["settings"])


def _encoded(lines: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def _parsed(line: str) -> Line:
    try:
        values = json.loads(line)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}

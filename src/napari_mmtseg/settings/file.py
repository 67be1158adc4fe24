"""Settings files in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import write_atomically

FILE_FORMAT = "napari-mmtseg settings"
FILE_VERSION = 1


def write_settings_file(path: str | Path, values: Mapping[str, Any]) -> None:
    """Write settings by name to a JSON file, replacing an existing one."""
    content = {"format": FILE_FORMAT, "version": FILE_VERSION, "settings": dict(values)}
    text = json.dumps(content, indent=2) + "\n"
    write_atomically(path, text.encode(), overwrite=True)


def read_settings_file(path: str | Path) -> dict[str, Any]:
    """Return the values in a settings file; each is still to be checked."""
    try:
        content = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise InputError(
            f"The settings file {path} cannot be read: {error.strerror}."
        ) from error
    except ValueError as error:
        raise InputError(
            f"{path} is not a settings file: it is not valid JSON ({error})."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FILE_FORMAT:
        raise InputError(
            f'{path} is not a settings file: "format" should be "{FILE_FORMAT}". '
            "Make one with SegmentationSettings.to_json or Save settings."
        )
    if content.get("version") != FILE_VERSION:
        raise InputError(
            f"{path} is a settings file of version {content.get('version')!r}; "
            f"this release reads version {FILE_VERSION}."
        )
    values = content.get("settings")
    if not isinstance(values, dict):
        raise InputError(f'{path} is not a settings file: "settings" is missing.')
    return values

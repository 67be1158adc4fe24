"""A batch as a command line."""

from __future__ import annotations

import shlex

from napari_mmtseg.batch.plan import BatchRequest
from napari_mmtseg.settings.fields import SegmentationSettings


def as_command(request: BatchRequest, scheduler: str | None = None) -> str:
    """Return the ``mmtseg batch`` command of a batch, without default values."""
    usual = BatchRequest(request.source, request.target)
    words = ["mmtseg", "batch", str(request.source), str(request.target)]
    for option, name in (
        ("--pattern", "pattern"),
        ("--model", "model"),
        ("--fit-on", "fit_on"),
        ("--workers", "n_workers"),
        ("--format", "file_format"),
        ("--axes", "axes"),
        ("--channel-axis", "channel_axis"),
        ("--series", "series"),
        ("--channels", "channels"),
    ):
        value = getattr(request, name)
        if value != getattr(usual, name):
            is_list = isinstance(value, tuple)
            words += [option, ",".join(map(str, value)) if is_list else str(value)]
    if scheduler is not None:
        words += ["--scheduler", scheduler]
    flags = {
        "--each": request.mode == "each",
        "--resume": request.resume,
        "--overwrite": request.overwrite,
    }
    words += [flag for flag, is_set in flags.items() if is_set]
    return shlex.join(words + _setting_words(request.settings))


def _setting_words(settings: SegmentationSettings) -> list[str]:
    usual = SegmentationSettings(settings.preset).to_dict()
    usual["preset"] = SegmentationSettings().preset
    words = []
    for name, value in settings.to_dict().items():
        if value == usual[name]:
            continue
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", "none" if value is None else str(value)]
    return words

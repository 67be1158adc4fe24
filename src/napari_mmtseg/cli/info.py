"""``mmtseg info``: versions, device, precision and presets."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from napari_mmtseg.cli.interruption import interruption
from napari_mmtseg.files.provenance import installed_version
from napari_mmtseg.settings.fields import SegmentationSettings
from napari_mmtseg.settings.presets import PRESETS

_PACKAGES = ("napari-mmtseg", "numpy", "scipy", "scikit-image", "torch", "napari")


def information() -> str:
    """Return versions, device, precision, threads and presets, as lines."""
    rows = [(name, installed_version(name)) for name in _PACKAGES]
    rows.insert(1, ("python", platform.python_version()))
    return "\n".join([*_table(rows), *_table(_engine_rows()), "", *_preset_lines()])


def _engine_rows() -> list[tuple[str, str]]:
    with interruption.deferred():
        from napari_mmtseg.engine.device import (
            choose_device,
            choose_precision,
            has_fast_bfloat16,
            n_threads,
        )
    device = choose_device()
    is_fast = has_fast_bfloat16(device)
    reason = "with AMX" if is_fast else "auto takes bfloat16 with AMX only"
    return [
        ("device", device.type),
        ("precision", f"{choose_precision('auto', device)} ({reason})"),
        ("threads", str(n_threads())),
    ]


def _preset_lines() -> list[str]:
    presets = {name: SegmentationSettings(name).to_dict() for name in PRESETS}
    rows: list[tuple[str, ...]] = [("preset", *presets)]
    for name in presets["default"]:
        values = [str(preset[name]).lower() for preset in presets.values()]
        if name != "preset" and len(set(values)) > 1:
            rows.append((name, *values))
    return _table(rows)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(16, *map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]

"""Values of the presets where they differ from the defaults."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "fast": {"working_size": 128, "n_steps": 10, "warm_start_steps": 6},
    "paper": {
        "max_labels": 100,
        "min_labels": 1,
        "merging": "classes",
        "merge_threshold": 1.0,
        "illumination": "off",
        "texture": 0.0,
        "n_steps": 1000,
        "warm_start_steps": 0,
        "patience": None,
        "ema_decay": 0.999,
        "ema_warmup": False,
        "continuity_weight": 5.0,
        "edge_scale": None,
        "color_space": "channels",
        "working_size": None,
        "teaching": "mutual",
        "readout": "student",
    },
}

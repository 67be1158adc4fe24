"""Pixels to write and read again, and files with their ends cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np

GREY = np.random.default_rng(0).integers(0, 256, (24, 32), np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)
PLANES = np.stack([GREY, GREY // 2, GREY // 3, GREY // 4, GREY // 5])
MICROMETRE = {
    "PhysicalSizeX": 0.325,
    "PhysicalSizeXUnit": "µm",
    "PhysicalSizeY": 650.0,
    "PhysicalSizeYUnit": "nm",
}


def cut(path: Path, kept: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])

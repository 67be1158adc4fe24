"""What a figure was measured on."""

from __future__ import annotations

import platform

import torch

from napari_mmtseg.engine.device import bfloat16_speedup, describe_chip


def describe_machine(device: torch.device) -> str:
    return (
        f"{describe_chip(device)}, {torch.get_num_threads()} threads; Python "
        f"{platform.python_version()}, torch {torch.__version__}; bfloat16 measured "
        f"{bfloat16_speedup(device):g} times as fast as float32 in a small step"
    )

"""Where the networks run, and in which number format."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch
from platformdirs import user_cache_path
from torch import nn

from napari_mmtseg.errors import InputError

__all__ = [
    "bfloat16_speedup",
    "choose_device",
    "choose_precision",
    "computing_threads",
    "describe_chip",
    "n_threads",
    "use_threads",
]

_WORTHWHILE = 1.15
"""How much faster bfloat16 must be before its coarser rounding is accepted."""


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of a setting: auto, cpu, cuda or mps.

    Raises
    ------
    InputError
        If that device is not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available.get(name, False):
        there = ", ".join(device for device, there in available.items() if there)
        raise InputError(
            f"device={name} is not available on this machine. Available: auto, {there}."
        )
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> str:
    """Return "float32" or "bfloat16" for a setting and a device."""
    if name != "auto":
        return name
    return "bfloat16" if bfloat16_speedup(device) >= _WORTHWHILE else "float32"


def n_threads() -> int:
    """Return how many threads PyTorch uses in this process."""
    return torch.get_num_threads()


def use_threads(n: int) -> None:
    """Let PyTorch use so many threads, in a process that belongs to us alone."""
    torch.set_num_threads(n)


@contextmanager
def computing_threads(n: int) -> Iterator[None]:
    """Let PyTorch use so many threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache
def bfloat16_speedup(device: torch.device) -> float:
    """How many times faster a training step is in bfloat16, measured once.

    Without hardware for it the answer is 0 and nothing is measured. A measurement is
    kept in the user's cache folder, so that the choice, and with it the labels, stay
    the same from run to run.
    """
    if not _has_bfloat16(device):
        return 0.0
    threads = torch.get_num_threads()
    key = f"{describe_chip(device)}, {threads} threads, torch {torch.__version__}"
    path = user_cache_path("napari-mmtseg") / "bfloat16.json"
    known = _read(path)
    if key not in known:
        seconds = [_step_seconds(device, dtype) for dtype in _DTYPES]
        known[key] = round(seconds[0] / seconds[1], 2)
        _write(path, known)
    return known[key]


_DTYPES = (torch.float32, torch.bfloat16)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        capabilities = torch.backends.cpu.get_cpu_capability()
        return capabilities.startswith("AVX512") or platform.machine() == "arm64"
    return False


def describe_chip(device: torch.device) -> str:
    """Return the name of the processor or GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    name = facts.get("model name") or platform.machine()
    amx = " with AMX" if "amx_bf16" in facts.get("flags", "") else ""
    return f"{name}{amx}"


def _step_seconds(device: torch.device, dtype: torch.dtype) -> float:
    from napari_mmtseg.engine.network import ResponseNetwork

    generator = torch.Generator().manual_seed(0)
    network = ResponseNetwork(3, 32, 3, generator).to(device)
    image = torch.rand(1, 3, 96, 96, generator=generator).to(device)
    image = image.contiguous(memory_format=torch.channels_last)
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        with torch.autocast(device.type, dtype, enabled=dtype is torch.bfloat16):
            response = network(image)
        nn.functional.mse_loss(response, response.detach() * 2).backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def _read(path: Path) -> dict[str, float]:
    try:
        content = json.loads(path.read_text("utf-8"))
        return {str(key): float(value) for key, value in content.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write(path: Path, content: dict[str, float]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2), "utf-8")
    except OSError:
        pass

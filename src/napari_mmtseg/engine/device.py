"""Device, number format and threads of the networks."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import torch

from napari_mmtseg.errors import InputError


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of a setting, or raise :class:`InputError` if there is none."""
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
    return "bfloat16" if has_fast_bfloat16(device) else "float32"


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether training is worth its coarser rounding: on processors with AMX.

    There it is about twice as fast. These small networks gain nothing from it on an
    H200. A rule instead of a timing, so that equal machines give equal labels.
    """
    if device.type != "cpu":
        return False
    vectors = torch.backends.cpu.get_cpu_capability()
    return vectors.startswith("AVX512") and "amx_bf16" in _cpu_facts().get("flags", "")


def n_threads() -> int:
    """Return how many threads PyTorch uses in this process."""
    return torch.get_num_threads()


def use_threads(n: int) -> None:
    """Let PyTorch use `n` threads, in a process that belongs to us alone."""
    torch.set_num_threads(n)


@contextmanager
def repeatable(n_threads: int) -> Iterator[None]:
    """Let the same weights and images give the same numbers in the block.

    Batch norm and the 1x1 convolution add up in parts, one for each thread, and so
    decide some pixels by their number; a graphics card would otherwise take ways of
    convolving that add up in whatever order its parts end.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        with _REPEATABLE_CONVOLUTIONS:
            yield
    finally:
        torch.set_num_threads(before)


class _RepeatableConvolutions:
    """cuDNN's repeatable ways of convolving, as long as one thread or more needs them.

    They are settings of the process: the first run that begins changes them, and the
    last of those that overlap puts the host's own back.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._before = (False, False)

    def __enter__(self) -> None:
        cudnn = torch.backends.cudnn
        with self._lock:
            if not self._users:
                self._before = cudnn.deterministic, cudnn.benchmark
                cudnn.deterministic, cudnn.benchmark = True, False
            self._users += 1

    def __exit__(self, *_: object) -> None:
        cudnn = torch.backends.cudnn
        with self._lock:
            self._users -= 1
            if not self._users:
                cudnn.deterministic, cudnn.benchmark = self._before


_REPEATABLE_CONVOLUTIONS = _RepeatableConvolutions()


def describe_chip(device: torch.device) -> str:
    """Return the name of the processor or GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    facts = _cpu_facts()
    name = facts.get("model name") or platform.processor() or platform.machine()
    return f"{name} with AMX" if "amx_bf16" in facts.get("flags", "") else name


def _cpu_facts() -> dict[str, str]:
    """Return what Linux knows of the processor; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return {}
    facts = (line.split(":", 1) for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in facts}

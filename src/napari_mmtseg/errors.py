"""The exceptions that a caller is expected to handle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


class Cancelled(Exception):
    """The segmentation has ended because its caller asked for it; nothing is kept."""


class InputError(ValueError):
    """Input that cannot be segmented, read or written.

    The message says what was given, what is accepted and how to get there. The
    command line prints it and exits with code 2; the widget shows it as a
    notification. It is raised before any long work starts, unless a file, the memory or
    a device fails in the middle.
    """


_NO_MEMORY = (
    "Memory ran out ({}). Segment a part of the image, or close other programs. A "
    "smaller working_size or tile_size takes less; device=cpu has more than most "
    "graphics cards."
)
_DEVICE = (
    "The graphics card has failed ({}). Start the program again, and choose device=cpu "
    "if it fails again."
)
_LOST = ("cuda error", "cudnn_status", "cublas_status", "hip error", "mps backend")
_ON_A_CARD = ("cuda", "cudnn", "cublas", "hip ", "mps backend")


@contextmanager
def failures_in_words() -> Iterator[None]:
    """Turn a lack of memory, on any device, and a lost device into an InputError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        lines = str(error).splitlines()
        said = lines[0].rstrip(" .") if lines else type(error).__name__
        if is_out_of_memory(error):
            raise InputError(_NO_MEMORY.format(said)) from error
        if any(sign in said.lower() for sign in _LOST):
            raise InputError(_DEVICE.format(said)) from error
        raise


def is_of_graphics_card(error: BaseException | None) -> bool:
    """Return whether an error is a graphics card's: out of memory, or lost."""
    words = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in words for sign in _ON_A_CARD)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Return whether an error means that memory ran out, on any device."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or any(
        sign in words
        for sign in ("out of memory", "can't allocate memory", "not enough memory")
    )


_NEEDS = {
    "distributed": 'A scheduler needs Dask: pip install "napari-mmtseg[dask]".',
    "ome_zarr.writer": "OME-Zarr labels need the ome-zarr library, which needs Python "
    '3.12 or later: pip install "napari-mmtseg[zarr]". Or write TIFF files.',
    "roifile": "ROI files for ImageJ need the roifile library: pip install "
    '"napari-mmtseg[objects]".',
    "zarr": 'Zarr files need the zarr library: pip install "napari-mmtseg[zarr]".',
}


def import_extra(name: str) -> Any:
    """Import a library that is not in the base installation, or raise InputError."""
    try:
        return import_module(name)
    except ImportError:
        raise InputError(_NEEDS[name]) from None

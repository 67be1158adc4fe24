"""The exceptions that a caller is expected to handle."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Cancelled(Exception):
    """The segmentation has ended because its caller asked for it; nothing is kept."""


class InputError(ValueError):
    """Input that cannot be segmented, read or written.

    The message says what was given, what is accepted and how to get there. The
    command line prints it and exits with code 2; the widget shows it as a
    notification. It is always raised before any long work starts.
    """


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

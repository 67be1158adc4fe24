"""TIFF, OME-TIFF and ImageJ TIFF: pixels, axes and pixel sizes."""

from __future__ import annotations

import logging
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_mmtseg.files.formats import StoredImage
from napari_mmtseg.files.tiff_places import tiff_places
from napari_mmtseg.files.tiff_samples import as_shown, without_no_data
from napari_mmtseg.files.tiff_series import (
    choose,
    files_of_set,
    has_pages,
    is_whole,
    read_own,
    refuse_absurd,
)
from napari_mmtseg.notices import warn

_MAGIC_NUMBERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_LARGE = 2**29
"""Bytes from which pixels are not read before they are needed."""

# Logged by tifffile, which raises nothing, if a part of a file is missing.
_SIGNS_OF_DAMAGE = (
    "invalid page offset",
    "invalid offset to first page",
    "invalid value offset",
    "missing data are zeroed",
    "invalid or corrupted",
    "failed to reshape",
)
_OTHER_FILE = "OME series failed to read"


def is_tiff(header: bytes) -> bool:
    """Return whether a file that begins with `header` is a TIFF file."""
    return header.startswith(_MAGIC_NUMBERS)


def read_tiff(path: Path, series: int | None = None) -> StoredImage:
    """Read one image of a TIFF, OME-TIFF or ImageJ TIFF file.

    Without a number, counted from 0, it is the one with the largest pages. Of a set of
    files only what lies in this one is read. Raises ValueError if a part of it is
    missing, InputError if there is no image of that number, other exceptions for other
    damage.
    """
    remarks = _Remarks()
    logger = logging.getLogger("tifffile")
    logger.addFilter(remarks)
    try:
        with tifffile.TiffFile(path) as file:
            n_files = files_of_set(file)
            own = [s for s in file.series if n_files == 1 or has_pages(s, file)]
            if not own:
                raise ValueError("none of its images lies in it")
            chosen = own[choose(path, own, series)]
            remarks.refuse_damage(in_set=n_files > 1)
            page, axes = chosen.keyframe, chosen.axes
            refuse_absurd(page)
            sizes, positions = tiff_places(file, chosen)
            if n_files > 1 and not is_whole(chosen, file):
                array = read_own(chosen, file)
                warn(
                    f"{path} is one of {n_files} files of an image; what lies in it is "
                    f"used, of shape {array.shape}.",
                )
            else:
                array = _pixels(path, chosen, file.series.index(chosen))
            remarks.refuse_damage(in_set=n_files > 1)
            array, axes = as_shown(array, axes, page, chosen.kind)
            if "S" not in axes:
                array = without_no_data(array, page)
    finally:
        logger.removeFilter(remarks)
    return StoredImage(array, axes, sizes, positions)


def _pixels(path: Path, series: tifffile.TiffPageSeries, number: int) -> Any:
    """Read a series, or only open it if it is large."""
    if series.nbytes < _LARGE:
        return series.asarray()
    parent, kind = series.parent, series.dtype
    if series.dataoffset is not None and parent is not None and kind is not None:
        dtype = parent.byteorder + kind.char
        return np.memmap(path, dtype, "r", series.dataoffset, series.shape)
    try:
        import zarr
    except ImportError:
        return series.asarray()
    # A store of its own, as this file is about to be closed.
    store = tifffile.imread(path, aszarr=True, series=number, level=0)
    found = zarr.open(store, mode="r")
    weakref.finalize(found, store.close)
    return found


class _Remarks(logging.Filter):
    """Takes what tifffile logs in this thread out of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        self.messages.append(record.getMessage())
        return False

    def refuse_damage(self, *, in_set: bool) -> None:
        """Raise for the first remark on a missing part, but not on other files."""
        for message in self.messages:
            if in_set and _OTHER_FILE in message:
                continue
            if any(sign in message.lower() for sign in _SIGNS_OF_DAMAGE):
                raise ValueError(message)

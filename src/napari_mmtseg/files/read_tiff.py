"""TIFF, OME-TIFF and ImageJ TIFF: pixels, axes and pixel sizes."""

from __future__ import annotations

import logging
import math
import re
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_mmtseg.files.formats import StoredImage
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.notices import warn

_MAGIC_NUMBERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MICROMETRE_NAMES = ("um", "\u03bcm", "micron", "microns", "micrometer", "micrometre")
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


def is_tiff(header: bytes) -> bool:
    """Return whether a file that begins with `header` is a TIFF file."""
    return header.startswith(_MAGIC_NUMBERS)


def read_tiff(path: Path) -> StoredImage:
    """Read the first image of a TIFF, OME-TIFF or ImageJ TIFF file.

    Raises ValueError if a part of it is missing, other exceptions for other damage.
    """
    remarks = _Remarks()
    logger = logging.getLogger("tifffile")
    logger.addFilter(remarks)
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            n_images = len(file.series)
            axes, sizes = series.axes, _pixel_sizes(file)
            remarks.refuse_damage()
            array = _pixels(path, series)
            remarks.refuse_damage()
    finally:
        logger.removeFilter(remarks)
    if n_images > 1:
        warn(
            f"{path} holds {n_images} images; the first, of shape {array.shape}, is "
            "used.",
            stacklevel=3,
        )
    return StoredImage(array, axes, sizes)


def _pixels(path: Path, series: tifffile.TiffPageSeries) -> Any:
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
    store = tifffile.imread(path, aszarr=True, level=0)
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

    def refuse_damage(self) -> None:
        """Raise for the first remark on a missing part."""
        for message in self.messages:
            if any(sign in message.lower() for sign in _SIGNS_OF_DAMAGE):
                raise ValueError(message)


def _pixel_sizes(file: tifffile.TiffFile) -> dict[str, PixelSize]:
    if file.is_ome and file.ome_metadata:
        return _ome_pixel_sizes(file.ome_metadata)
    tags = file.pages.first.tags
    found: dict[str, PixelSize | None] = {}
    if file.is_imagej:
        metadata = file.imagej_metadata or {}
        unit, factor = metadata.get("unit"), 1.0
        found["Z"] = _pixel_size(metadata.get("spacing"), unit)
    elif tags.valueof("ResolutionUnit") == 3:
        # Centimetres come from microscopes; inches, the other choice, are for printing.
        unit, factor = "µm", 1e4
    else:
        return {}
    for axis, tag in (("X", "XResolution"), ("Y", "YResolution")):
        pixels, units = tags.valueof(tag) or (0, 1)
        if pixels:
            found[axis] = _pixel_size(units / pixels * factor, unit)
    return _known(found)


def _ome_pixel_sizes(description: str) -> dict[str, PixelSize]:
    try:
        image: Any = tifffile.xml2dict(description)["OME"]["Image"]
        pixels = (image[0] if isinstance(image, (list, tuple)) else image)["Pixels"]
    except (KeyError, IndexError, TypeError, ValueError, SyntaxError):
        return {}
    return _known(
        {
            axis: _pixel_size(
                pixels.get(f"PhysicalSize{axis}"),
                pixels.get(f"PhysicalSize{axis}Unit", "µm"),
            )
            for axis in "ZYX"
        }
    )


def _known(sizes: dict[str, PixelSize | None]) -> dict[str, PixelSize]:
    return {axis: size for axis, size in sizes.items() if size is not None}


def _pixel_size(size: Any, unit: Any) -> PixelSize | None:
    if not isinstance(size, (int, float)) or not isinstance(unit, str):
        return None
    # ImageJ spells what is not ASCII like Java does.
    unit = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), unit).strip()
    if unit.lower() in _MICROMETRE_NAMES:
        unit = "µm"
    elif unit.lower() in ("inch", "inches"):
        unit = "in"
    if unit.lower() in ("", "pixel", "pixels") or not 0 < size < math.inf:
        return None
    return PixelSize(float(size), unit)

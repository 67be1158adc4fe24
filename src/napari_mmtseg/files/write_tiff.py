"""TIFF files: for ImageJ, as OME-TIFF, and tile by tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import tifffile
from numpy.typing import DTypeLike, NDArray

from napari_mmtseg.files.pixel_size import UNITS, PixelSize, in_one_unit

__all__ = ["encode_tiff", "write_in_tiles"]

_TILE = 512
_LARGEST_PART = 2**32 - 1
"""Largest numerator or denominator of a resolution in a TIFF file."""


def write_in_tiles(
    path: Path,
    values: NDArray[Any],
    dtype: DTypeLike,
    pixel_sizes: Sequence[PixelSize | None],
    *,
    name: str,
    axes: str,
) -> None:
    """Write a compressed OME-TIFF file tile by tile.

    Parameters
    ----------
    path : Path
        The file.
    values : (..., Y, X) ndarray of int
        Labels; a memmap is read tile by tile.
    dtype : dtype
        What they are written as.
    pixel_sizes : sequence of PixelSize or None
        Pixel size along every axis.
    name : str
        Name of the image.
    axes : str
        A letter for every axis.
    """
    tifffile.imwrite(
        path,
        _tiles(values, np.dtype(dtype)),
        shape=values.shape,
        dtype=np.dtype(dtype),
        tile=(_TILE, _TILE),
        photometric="minisblack",
        compression="zlib",
        ome=True,
        metadata=ome_metadata(axes, pixel_sizes, name),
    )


def _tiles(values: NDArray[Any], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    height, width = values.shape[-2:]
    for index in np.ndindex(values.shape[:-2]):
        plane = values[index]
        for y in range(0, height, _TILE):
            for x in range(0, width, _TILE):
                part = plane[y : y + _TILE, x : x + _TILE]
                tile = np.zeros((_TILE, _TILE), dtype)
                tile[: part.shape[0], : part.shape[1]] = part
                yield tile


def encode_tiff(
    values: NDArray[Any],
    pixel_sizes: Sequence[PixelSize | None],
    *,
    name: str,
    ome: bool,
    axes: str = "YX",
) -> bytes:
    """Return the content of a compressed TIFF file.

    Parameters
    ----------
    values : ndarray of uint8, uint16, uint32 or float32
        Labels, or other values.
    pixel_sizes : sequence of PixelSize or None
        Pixel size along every axis.
    name : str
        Name of the image, kept in OME-TIFF.
    ome : bool
        Write OME-TIFF instead of a TIFF file that ImageJ reads with its pixel size.
    axes : str
        A letter for every axis: T, C, Z, Y and X in this order, the last two of them
        always.
    """
    details: dict[str, Any]
    if ome:
        details = {"ome": True, "metadata": ome_metadata(axes, pixel_sizes, name)}
    else:
        if "CZ" in axes and _for_imagej(values.dtype):  # the other way in ImageJ
            values = np.moveaxis(values, axes.index("Z"), axes.index("C"))
        details = _imagej_details(values.dtype, axes, pixel_sizes)
    content = BytesIO()
    tifffile.imwrite(
        content, values, photometric="minisblack", compression="zlib", **details
    )
    return content.getvalue()


def ome_metadata(
    axes: str, pixel_sizes: Sequence[PixelSize | None], name: str
) -> dict[str, Any]:
    """Return the metadata of an OME-TIFF file, as tifffile takes them.

    Parameters
    ----------
    axes, pixel_sizes, name
        As for :func:`encode_tiff`.
    """
    # By default tifffile makes a random one, and equal labels different files.
    unique = uuid5(NAMESPACE_URL, f"napari-mmtseg:{name}:{axes}")
    metadata: dict[str, Any] = {"axes": axes, "Name": name, "UUID": str(unique)}
    for axis, pixel in zip(axes, pixel_sizes, strict=True):
        if axis in "ZYX" and pixel is not None and pixel.unit in UNITS:
            metadata[f"PhysicalSize{axis}"] = pixel.size
            metadata[f"PhysicalSize{axis}Unit"] = pixel.unit
    return metadata


def _for_imagej(dtype: np.dtype[Any]) -> bool:
    """Return whether ImageJ knows the type: it has no 32-bit integers."""
    return dtype.itemsize <= 2 or dtype == np.float32


def _imagej_details(
    dtype: np.dtype[Any], axes: str, pixel_sizes: Sequence[PixelSize | None]
) -> dict[str, Any]:
    """Return arguments of ``imwrite``; ImageJ has one unit for all axes."""
    imagej = _for_imagej(dtype)
    order = axes.replace("CZ", "ZC") if imagej else axes
    plain: dict[str, Any] = {"imagej": imagej, "metadata": {"axes": order}}
    sizes = in_one_unit(pixel_sizes[-2], pixel_sizes[-1])
    if sizes is None:
        return plain
    y, x = sizes
    per_cm = 1.0
    if not imagej:
        if x.unit not in UNITS:
            return plain
        per_cm = 1e4 / UNITS[x.unit].micrometres
    resolution = (per_cm / x.size, per_cm / y.size)
    if not all(r * _LARGEST_PART > 1 and r < _LARGEST_PART for r in resolution):
        return plain
    if not imagej:
        return {**plain, "resolution": resolution, "resolutionunit": "CENTIMETER"}
    unit = "".join(c if c.isascii() else f"\\u{ord(c):04X}" for c in x.unit)
    metadata: dict[str, Any] = {"axes": order, "unit": unit}
    z = pixel_sizes[axes.index("Z")] if "Z" in axes else None
    spacing = in_one_unit(z, x)
    if spacing is not None:
        metadata["spacing"] = spacing[0].size
    return {"imagej": True, "resolution": resolution, "metadata": metadata}

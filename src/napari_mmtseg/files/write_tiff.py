"""TIFF files: for ImageJ, as OME-TIFF, and tile by tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_mmtseg.files.pixel_size import UNITS, PixelSize, in_one_unit

_TILE = 512
_LARGEST_PART = 2**32 - 1
"""Largest numerator or denominator of a resolution in a TIFF file."""


def write_tiff(
    path: Path,
    values: NDArray[Any],
    dtype: np.dtype[Any],
    pixel_sizes: Sequence[PixelSize | None],
    *,
    name: str,
    axes: str,
    ome: bool,
    in_tiles: bool = False,
) -> None:
    """Write a compressed TIFF file of uint8, uint16, uint32 or float32.

    `axes` names T, C, Z, Y and X in this order, the last two always. `name` is kept in
    OME-TIFF; without `ome` ImageJ reads the file with its pixel size. With `in_tiles`
    it is an OME-TIFF file written tile by tile, so that a memmap is never read as a
    whole.
    """
    details: dict[str, Any] = {"photometric": "minisblack", "compression": "zlib"}
    if ome or in_tiles:
        details |= {"ome": True, "metadata": _ome_metadata(axes, pixel_sizes, name)}
    else:
        details |= {"ome": False, **_imagej_details(dtype, axes, pixel_sizes)}
    if in_tiles:
        details |= {"shape": values.shape, "dtype": dtype, "tile": (_TILE, _TILE)}
        tifffile.imwrite(path, _tiles(values, dtype), **details)
        return
    values = values.astype(dtype, copy=False)
    if "CZ" in axes and details.get("imagej"):  # the other way round in ImageJ
        values = np.moveaxis(values, axes.index("Z"), axes.index("C"))
    tifffile.imwrite(path, values, **details)


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


def _ome_metadata(
    axes: str, pixel_sizes: Sequence[PixelSize | None], name: str
) -> dict[str, Any]:
    # By default tifffile makes a random one, and equal labels different files.
    unique = uuid5(NAMESPACE_URL, f"napari-mmtseg:{name}:{axes}")
    metadata: dict[str, Any] = {"axes": axes, "Name": name, "UUID": str(unique)}
    for axis, pixel in zip(axes, pixel_sizes, strict=True):
        if axis in "ZYX" and pixel is not None and pixel.unit in UNITS:
            metadata[f"PhysicalSize{axis}"] = pixel.size
            metadata[f"PhysicalSize{axis}Unit"] = pixel.unit
    return metadata


def _imagej_details(
    dtype: np.dtype[Any], axes: str, pixel_sizes: Sequence[PixelSize | None]
) -> dict[str, Any]:
    """Return arguments of ``imwrite``; ImageJ has one unit for all axes."""
    imagej = dtype.itemsize <= 2 or dtype == np.float32  # it has no 32-bit integers
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
        per_cm = 1e4 / UNITS[x.unit].size
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

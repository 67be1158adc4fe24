"""TIFF files: for ImageJ, as OME-TIFF, and tile by tile."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_mmtseg.files.pixel_size import TIMES, UNITS, PixelSize, Places, in_one_unit
from napari_mmtseg.files.provenance import Provenance, tiff_tags

_TILE = 512
_LARGEST_PART = 2**32 - 1
"""Largest numerator or denominator of a resolution in a TIFF file."""


def write_tiff(
    path: Path,
    values: NDArray[Any],
    dtype: np.dtype[Any],
    places: Places,
    *,
    name: str,
    axes: str,
    ome: bool,
    in_tiles: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write a compressed TIFF file of uint8, uint16, uint32 or float32.

    `axes` names T, C, Z, Y and X in this order, the last two always. `name` is kept in
    OME-TIFF; without `ome` ImageJ reads the file with its pixel size. With `in_tiles`
    it is an OME-TIFF file written tile by tile, so that a memmap is never read as a
    whole.
    """
    details: dict[str, Any] = {"photometric": "minisblack", "compression": "zlib"}
    details["extratags"] = tiff_tags(provenance)
    if ome or in_tiles:
        details |= {
            "ome": True,
            "metadata": _ome(values.shape, axes, places, name),
        }
    else:
        details |= {"ome": False, **_imagej_details(dtype, axes, places)}
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


def _ome(
    shape: tuple[int, ...], axes: str, places: Places, name: str
) -> dict[str, Any]:
    # By default tifffile makes a random one, and equal labels different files.
    unique = uuid5(NAMESPACE_URL, f"napari-mmtseg:{name}:{axes}")
    metadata: dict[str, Any] = {"axes": axes, "Name": name, "UUID": str(unique)}
    planes: dict[str, list[Any]] = {}
    n_planes = math.prod(shape[:-2])
    for axis, pixel, place in zip(axes, *places, strict=True):
        if axis == "T" and pixel is not None and pixel.unit in TIMES:
            metadata["TimeIncrement"] = pixel.size
            metadata["TimeIncrementUnit"] = pixel.unit
        if axis not in "ZYX":
            continue
        if pixel is not None and (unit := _ome_unit(pixel)) is not None:
            metadata[f"PhysicalSize{axis}"] = pixel.size
            metadata[f"PhysicalSize{axis}Unit"] = unit
        if place is not None and (unit := _ome_unit(place)) is not None:
            planes[f"Position{axis}"] = [place.size] * n_planes
            planes[f"Position{axis}Unit"] = [unit] * n_planes
    return metadata | ({"Plane": planes} if planes else {})


def _ome_unit(pixel: PixelSize) -> str | None:
    """Return a unit in the words of OME, None for one that it does not have."""
    if not pixel.unit:
        return "reference frame"
    return pixel.unit if pixel.unit in UNITS else None


def _imagej_details(dtype: np.dtype[Any], axes: str, places: Places) -> dict[str, Any]:
    """Return arguments of ``imwrite``; ImageJ has one unit for all axes."""
    imagej = dtype.itemsize <= 2 or dtype == np.float32  # it has no 32-bit integers
    order = axes.replace("CZ", "ZC") if imagej else axes
    pixel_sizes = places.sizes
    metadata: dict[str, Any] = {"axes": order}
    plain: dict[str, Any] = {"imagej": imagej, "metadata": metadata}
    time = pixel_sizes[axes.index("T")] if "T" in axes else None
    if imagej and time is not None and time.unit in TIMES:
        metadata["finterval"] = time.size * TIMES[time.unit].size
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
    if x.unit:
        metadata["unit"] = "".join(
            c if c.isascii() else f"\\u{ord(c):04X}" for c in x.unit
        )
    z = pixel_sizes[axes.index("Z")] if "Z" in axes else None
    spacing = in_one_unit(z, x)
    if spacing is not None:
        metadata["spacing"] = spacing[0].size
    for axis, pixel, place in zip(axes, *places, strict=True):
        size, position = in_one_unit(pixel, x), in_one_unit(place, x)
        if axis in "ZYX" and size is not None and position is not None:
            # ImageJ keeps the pixel at which the position is 0.
            metadata[f"{axis.lower()}origin"] = -position[0].size / size[0].size
    return {"imagej": True, "resolution": resolution, "metadata": metadata}

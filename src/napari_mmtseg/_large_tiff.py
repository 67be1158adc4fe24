"""Labels that are too many to be held in memory, as OME-TIFF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import DTypeLike, NDArray

from napari_mmtseg._pixel_size import PixelSize
from napari_mmtseg._tiff import ome_metadata

__all__ = ["write_in_tiles"]

_TILE = 512


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
        Labels; in a file of their own, they are read from it tile by tile.
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

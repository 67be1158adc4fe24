"""The images of a TIFF file: which one is meant, and what of it lies in the file."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_mmtseg.files.formats import chosen_image

_SMALL = 2**26
"""Bits of a page that are read without asking whether a file can have them."""

_MOST_EXPANDED: dict[int, int] = {
    tifffile.COMPRESSION.NONE: 1,
    tifffile.COMPRESSION.PACKBITS: 64,
    tifffile.COMPRESSION.ADOBE_DEFLATE: 1100,
    tifffile.COMPRESSION.DEFLATE: 1100,
    tifffile.COMPRESSION.LZW: 2200,
}
"""Bytes that one byte can become, by the way of compression."""


def choose(
    path: Path, series: list[tifffile.TiffPageSeries], number: int | None
) -> int:
    """Return the number of the image that is meant, and say so if there are several.

    Without a number it is the first of those with the largest pages; thumbnails and
    masks come last. Raises InputError if there is no image of that number.
    """
    n = len(series)
    best = max(range(n), key=lambda i: (*_rank(series[i]), -i))
    words = f"number {best}, of shape {series[best].shape},"
    return chosen_image(path, n, number, words, best)


def _rank(series: tifffile.TiffPageSeries) -> tuple[bool, int]:
    page = series.keyframe
    is_main = not (page.is_reduced or page.is_mask)
    return is_main, page.imagewidth * page.imagelength


def refuse_absurd(page: tifffile.TiffPage) -> None:
    """Raise ValueError if a page has fewer bytes than its pixels need.

    Compressed bytes hold so many at most; what else a file promises, it does not have.
    """
    n_parts, n_there = math.prod(page.chunked), len(page.dataoffsets)
    if n_there < n_parts:
        raise ValueError(f"{n_parts - n_there} of {n_parts} parts are missing")
    most = _MOST_EXPANDED.get(page.compression)
    bits = int(page.bitspersample or 8)
    n_bits = math.prod(page.shape) * bits
    n_bytes = sum(page.databytecounts)
    if most is not None and n_bits > _SMALL and n_bits > 8 * most * n_bytes:
        raise ValueError(f"{n_bytes} bytes cannot hold the shape {page.shape}")


def files_of_set(file: tifffile.TiffFile) -> int:
    """Return how many files share the images that an OME-TIFF file describes."""
    text = file.ome_metadata if file.is_ome else None
    return max(len(set(re.findall(r'FileName="([^"]*)"', text or ""))), 1)


def has_pages(series: tifffile.TiffPageSeries, file: tifffile.TiffFile) -> bool:
    """Return whether pages of an image lie in this file of a set."""
    return bool(_own(series, file).any())


def is_whole(series: tifffile.TiffPageSeries, file: tifffile.TiffFile) -> bool:
    """Return whether all pages of an image lie in this file of a set."""
    return bool(_own(series, file).all())


def read_own(series: tifffile.TiffPageSeries, file: tifffile.TiffFile) -> NDArray[Any]:
    """Read the pages of an image that lie in this file, all axes kept.

    Raises ValueError if they are not all positions of some along every axis.
    """
    own = _own(series, file)
    lead = _lead(series.shape, len(own))
    grid = own.reshape(lead)
    index = np.ix_(*(np.unique(places) for places in np.nonzero(grid)))
    if not grid[index].all():
        raise ValueError("it holds no whole part of an image in several files")
    numbers = np.arange(len(own)).reshape(lead)[index]
    pages: Any = series.pages
    planes = [pages[i].asarray() for i in numbers.ravel()]
    rest = series.shape[len(lead) :]
    return np.stack(planes).reshape(*numbers.shape, *rest)


def _own(series: tifffile.TiffPageSeries, file: tifffile.TiffFile) -> NDArray[np.bool_]:
    return np.array([p is not None and p.parent is file for p in series.pages])


def _lead(shape: tuple[int, ...], n_pages: int) -> tuple[int, ...]:
    for i in range(len(shape) + 1):
        if math.prod(shape[:i]) == n_pages:
            return shape[:i]
    raise ValueError("the number of its pages does not fit its axes")

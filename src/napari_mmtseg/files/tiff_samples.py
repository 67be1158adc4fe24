"""The samples of a TIFF file as brightness or colours, by what its tags say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from skimage.color import lab2rgb

from napari_mmtseg.images.lazy import ArrayPart, for_all_axes

_KIND = tifffile.PHOTOMETRIC
_ALPHA = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
_JPEG = (tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.OJPEG)
_COLOURS: dict[int, int] = {
    _KIND.RGB: 3,
    _KIND.YCBCR: 3,
    _KIND.CIELAB: 3,
    _KIND.SEPARATED: 4,
}
"""Samples that are the colours of a pixel; others are extra."""

_NO_DATA = 42113
"""GDAL's tag: the value, as text, of pixels that have none."""

Convert = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class ConvertedArray:
    """An array whose pixels are converted when they are read.

    The conversion turns an array of any shape into one of the `dtype`: of the same
    shape, with colours at its end if `n_colours`, or instead of its last axis if the
    colours lie there (`from_colours`).
    """

    array: Any
    convert: Convert
    dtype: np.dtype[Any]
    n_colours: int = 0
    from_colours: bool = False

    @property
    def _values(self) -> tuple[int, ...]:
        shape = tuple(int(n) for n in self.array.shape)
        return shape[:-1] if self.from_colours else shape

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return (*self._values, self.n_colours) if self.n_colours else self._values

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Lengths of the chunks of the array, if it has some."""
        chunks = getattr(self.array, "chunks", None)
        if chunks is None or not self.n_colours:
            return chunks
        return (*chunks[: len(self._values)], self.n_colours)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read what a key of slices and whole numbers selects."""
        keys = for_all_axes(key, self.ndim)
        of_values = tuple(keys[: len(self._values)])
        part = self.convert(np.asarray(self.array[of_values]))
        return part[..., keys[-1]] if self.n_colours else part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it."""
        return np.asarray(self[()], dtype)


_PICTURES = ("generic", "uniform", "shaped")
"""Kinds of files whose palettes are colours; others show values by them."""


def as_shown(
    array: Any, axes: str, page: tifffile.TiffPage, file_kind: str
) -> tuple[Any, str]:
    """Return pixels as brightness, RGB(A) or channels, and their axes.

    Samples that are no colours become channels, "C". By `file_kind`, that of tifffile,
    a palette is colours, or only a way to show values, as every lookup table of ImageJ.
    """
    kind, n = page.photometric, page.samplesperpixel
    extra = tuple(page.extrasamples or ())
    if "S" in axes and kind in (_KIND.MINISBLACK, _KIND.MINISWHITE):
        if n == 2 and extra[:1] and extra[0] in _ALPHA:
            index = tuple(0 if a == "S" else slice(None) for a in axes)
            array, axes = _part(array, index), axes.replace("S", "")
        else:
            axes = _as_channels(axes)
    if kind == _KIND.MINISWHITE and file_kind != "imagej":
        dtype = np.dtype(array.dtype)
        return _converted(array, _inversion(dtype, page), dtype), axes
    if kind == _KIND.PALETTE and page.colormap is not None and "S" not in axes:
        if file_kind not in _PICTURES:
            return array, axes
        table = np.ascontiguousarray((page.colormap >> 8).astype(np.uint8).T)
        lookup = _lookup(table)
        return _converted(array, lookup, np.dtype(np.uint8), 3), axes + "S"
    if "S" not in axes or kind not in _COLOURS:
        return array, _as_channels(axes) if kind not in _COLOURS else axes
    colours = _COLOURS[kind]
    n_alpha = n - colours if n == colours + 1 and extra and extra[0] in _ALPHA else 0
    if n != colours + n_alpha:
        return array, _as_channels(axes)
    if kind == _KIND.RGB or (kind == _KIND.YCBCR and page.compression in _JPEG):
        return array, axes
    convert = _conversion(kind, np.dtype(array.dtype), page)
    if convert is None:
        return array, _as_channels(axes)
    if axes[-1] != "S":
        array = np.moveaxis(np.asarray(array), axes.index("S"), -1)
        axes = axes.replace("S", "") + "S"
    dtype = np.dtype(array.dtype if kind == _KIND.SEPARATED else np.uint8)
    return _converted(array, convert, dtype, 3, from_colours=True), axes


def without_no_data(array: Any, page: tifffile.TiffPage) -> Any:
    """Return pixels with NaN for the value that GDAL's tag names as no data."""
    stored, text = np.dtype(array.dtype), page.tags.valueof(_NO_DATA)
    try:
        value = float(text)
    except (TypeError, ValueError):
        return array
    if stored.kind not in "uif" or not np.isfinite(value):
        return array
    kind = np.promote_types(stored, np.float16)  # holds all its values

    def convert(values: NDArray[Any]) -> NDArray[Any]:
        return np.where(values == value, np.nan, values).astype(kind)

    return _converted(array, convert, kind)


def _as_channels(axes: str) -> str:
    return axes if "C" in axes else axes.replace("S", "C")


def _part(array: Any, index: tuple[int | slice, ...]) -> Any:
    return array[index] if isinstance(array, np.ndarray) else ArrayPart(array, index)


def _converted(
    array: Any,
    convert: Convert,
    dtype: np.dtype[Any],
    n_colours: int = 0,
    from_colours: bool = False,
) -> Any:
    """Convert an array in memory at once, another one when it is read."""
    if isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        return convert(array)
    return ConvertedArray(array, convert, dtype, n_colours, from_colours)


def _inversion(dtype: np.dtype[Any], page: tifffile.TiffPage) -> Convert:
    if dtype.kind == "b":
        return np.logical_not
    if dtype.kind != "u":  # 0 is white, and there is no black
        return np.negative if dtype.kind == "f" else np.invert
    bits = page.bitspersample
    white = dtype.type(2 ** min(int(bits), 8 * dtype.itemsize) - 1)
    return lambda values: white - values


def _lookup(table: NDArray[np.uint8]) -> Convert:
    return lambda values: table[np.minimum(values, len(table) - 1).astype(np.intp)]


def _conversion(
    kind: int, dtype: np.dtype[Any], page: tifffile.TiffPage
) -> Convert | None:
    """Return a conversion of (..., samples) to RGB; None if there is none."""
    if kind == _KIND.SEPARATED:
        inks = page.tags.valueof("InkSet", 1)
        return _from_cmyk if dtype.kind == "u" and inks == 1 else None
    if dtype != np.uint8:
        return None
    return _from_ycbcr if kind == _KIND.YCBCR else _from_lab


def _from_cmyk(values: NDArray[Any]) -> NDArray[Any]:
    full = np.iinfo(values.dtype).max
    light = full - values[..., :4].astype(np.float64)
    rgb = np.rint(light[..., :3] * light[..., 3:] / full)
    found: NDArray[Any] = rgb.astype(values.dtype)
    return found


def _from_ycbcr(values: NDArray[Any]) -> NDArray[Any]:
    y, cb, cr = np.moveaxis(values[..., :3].astype(np.float64), -1, 0)
    cb, cr = cb - 128, cr - 128
    rgb = (y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb)
    return _as_bytes(np.stack(rgb, -1))


def _from_lab(values: NDArray[Any]) -> NDArray[Any]:
    lightness = values[..., :1] / 2.55
    a_b = values[..., 1:3].astype(np.uint8).view(np.int8).astype(np.float64)
    rgb = lab2rgb(np.concatenate([lightness, a_b], -1))
    return _as_bytes(255 * rgb)


def _as_bytes(rgb: NDArray[Any]) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return found

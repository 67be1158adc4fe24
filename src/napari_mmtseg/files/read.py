"""Image files: pixels, axes and pixel sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read_bioio import read_with_bioio
from napari_mmtseg.files.read_tiff import is_tiff, read_tiff
from napari_mmtseg.files.read_zarr import is_zarr, read_zarr
from napari_mmtseg.images.axes import parse_axes
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.notices import warn

__all__ = ["OME_SUFFIXES", "ImageFile", "read_image"]

OME_SUFFIXES = (".ome.tif", ".ome.tiff")
"""Endings of OME-TIFF files, lower case."""
_RASTERS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image as read from a file, ready to be segmented.

    Attributes
    ----------
    array : array-like
        Pixels in the data type of the file; a memmap or a zarr array where the file is
        large.
    axes : str
        A letter for every axis of `array`: "YX" (grey), "YXS" (RGB or RGBA), with a
        C for channels, such as "CYX", and others for what is stacked, such as "TZYX".
    channel_axis : int or None
        Axis of the channels; None for grey and RGB(A).
    pixel_sizes : tuple of PixelSize or None
        One for every axis; None where the file does not tell.
    name : str
        Name of the file without folder and suffix.
    """

    array: Any
    axes: str
    channel_axis: int | None
    pixel_sizes: tuple[PixelSize | None, ...]
    name: str

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        y, x = (self.array.shape[self.axes.index(axis)] for axis in "YX")
        return y, x

    @property
    def label_axes(self) -> str:
        """The axes of its labels: those without channels and colours."""
        return "".join(a for a in self.axes if a not in "CS")

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Pixel sizes along the axes of the labels, 1 along those that have none.

        None where those along Y and X, and Z if there is one, are not all known in the
        same unit.
        """
        axes = self.label_axes
        sizes = {axis: self.pixel_size(axis) for axis in axes if axis in "ZYX"}
        units = {None if size is None else size.unit for size in sizes.values()}
        if len(units) != 1 or None in units:
            return None
        return tuple(s.size if (s := sizes.get(axis)) else 1.0 for axis in axes)

    def pixel_size(self, axis: str) -> PixelSize | None:
        """Pixel size along "Z", "Y" or "X"."""
        return self.pixel_sizes[self.axes.index(axis)]


def read_image(
    path: str | Path, *, channel_axis: int | None = None, axes: str | None = None
) -> ImageFile:
    """Read an image file: TIFF by tifffile, OME-Zarr by zarr, else by imageio.

    Parameters
    ----------
    path : path-like
        TIFF (OME, ImageJ or plain), PNG, JPEG, BMP, GIF (first frame) and what else
        Pillow reads; a folder of OME-Zarr; and what bioio reads, where that is
        installed. The content decides, not the suffix.
    channel_axis : int, optional
        Axis of the channels as stored in the file, where the file does not tell.
    axes : str, optional
        A letter for every axis as stored in the file, over what the file tells.

    Returns
    -------
    ImageFile
        Without axes of length 1.

    Raises
    ------
    InputError
        If the file cannot be read, or its axes are not Y, X and others.
    """
    path = Path(path)
    try:
        array, stored, sizes = _read(path)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except PermissionError:
        raise InputError(f"{path} cannot be read: no permission.") from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}."
        ) from error
    except MemoryError as error:
        raise InputError(
            f"{path} does not fit into memory, or it is damaged ({error})."
        ) from error
    if isinstance(array, np.ndarray) and not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if axes is not None:
        try:
            stored = parse_axes(axes, array.ndim)
        except InputError as error:
            raise InputError(f"{path} has the shape {array.shape}: {error}") from error
    return _arrange(path, array, stored, sizes, channel_axis)


def _read(path: Path) -> tuple[Any, str, dict[str, PixelSize]]:
    if path.is_dir():
        if not is_zarr(path):
            raise InputError(
                f"{path} is a folder. Pass the name of an image file or an OME-Zarr "
                "folder."
            )
        return read_zarr(path)
    with path.open("rb") as file:
        header = file.read(32)
    if not header:
        raise InputError(f"{path} is empty.")
    if is_tiff(header):
        return read_tiff(path)
    try:
        array, axes = _read_raster(path, header)
    except InputError as error:
        found = read_with_bioio(path)
        if found is None:
            if path.suffix.lower() in _RASTERS:
                raise
            raise InputError(
                f"{error} Formats of microscopes are read by bioio: pip install "
                '"napari-mmtseg[bioio]" and its reader, such as bioio-czi.'
            ) from None
        return found
    return array, axes, {}


def _read_raster(path: Path, header: bytes) -> tuple[NDArray[Any], str]:
    try:
        # As stored: turned by its EXIF tag, the labels would not lie over the image in
        # a viewer that ignores the tag, as napari does.
        with iio.imopen(path, "r", plugin="pillow") as file:
            mode = file.metadata(index=0, exclude_applied=False).get("mode")
            rgb = {"mode": "RGB"} if mode in ("CMYK", "YCbCr", "LAB", "HSV") else {}
            array: NDArray[Any] = file.read(index=0, **rgb)
    except MemoryError:
        raise
    except Exception as error:  # Pillow meets damage with errors of many kinds
        detail = f"{error} {error.__cause__}"
        if "truncated" in detail:
            raise InputError(f"{path} is cut off: {error}.") from error
        if "exceeds limit" in detail:
            raise InputError(
                f"{path} has more pixels than Pillow accepts. Save it as TIFF."
            ) from error
        raise InputError(
            f"{path} is not an image, or it is damaged. Accepted: TIFF, PNG, JPEG, "
            "BMP, GIF and what else Pillow reads."
        ) from error
    if header.startswith(b"\x89PNG") and header[24] == 16 and header[25] != 0:
        warn(
            f"{path} has 16 bits per colour; the upper 8 are used. Save it as TIFF to "
            "use all.",
            stacklevel=3,
        )
    if mode in ("LA", "La", "PA") and array.ndim == 3 and array.shape[2] == 2:
        warn(f"The alpha channel of {path} is ignored.", stacklevel=3)
        array = array[..., 0]
    return array, "YXS"[: array.ndim]


def _arrange(
    path: Path,
    array: Any,
    axes: str,
    sizes: dict[str, PixelSize],
    channel_axis: int | None,
) -> ImageFile:
    """Leave out axes of length 1, find the channels, name all axes."""
    stored = f"axes {axes} and shape {array.shape}"
    channel = None
    if channel_axis is not None:
        if not -array.ndim <= channel_axis < array.ndim:
            raise InputError(
                f"{path} has {stored}: there is no axis {channel_axis} to hold the "
                f"channels. Count from 0 to {array.ndim - 1}."
            )
        channel = channel_axis % array.ndim
    keep = [
        i
        for i, length in enumerate(array.shape)
        if length != 1 or i == channel or axes[i] in "YX"
    ]
    if len(keep) < array.ndim:
        # Of a file that is only open nothing is read.
        array = ArrayPart(
            array, tuple(slice(None) if i in keep else 0 for i in range(array.ndim))
        )
        if isinstance(array.array, np.ndarray):
            array = array.array[array.index]
    axes = "".join(axes[i] for i in keep)
    if channel is not None:
        channel = keep.index(channel)
    elif array.ndim >= 3:
        channel = _find_channels(array.shape, axes)
    spatial = "".join(a for i, a in enumerate(axes) if i != channel)
    if len(spatial) < 2:
        raise InputError(
            f"{path} has {stored}, but an image has at least two axes, Y and X, beside "
            "its channels. Name the axes with --axes (axes=), the channels with "
            "--channel-axis N (channel_axis=N), counted from 0."
        )
    named = _named(spatial)
    known = dict(zip(named, (sizes.get(a) for a in spatial), strict=True))
    if channel is not None:
        colour = channel_axis is None and axes[channel] != "C"
        if colour and array.shape[channel] in (3, 4):
            if channel != array.ndim - 1:
                array = np.moveaxis(np.asarray(array), channel, -1)
            named, channel = named + "S", None
        else:
            named = named[:channel] + "C" + named[channel:]
    pixel_sizes = tuple(known.get(a) for a in named)
    return ImageFile(array, named, channel, pixel_sizes, _stem(path))


def _named(letters: str) -> str:
    """Name what the file does not name, or not as an axis of an image: Z, then T."""
    places = "YX" if {"Y", "X"} <= set(letters) else ""
    free = [a for a in "ZTPMRVW" if a not in letters]
    named: list[str] = []
    for i, letter in enumerate(letters):
        if places:
            ok = letter not in "QISC"
        elif i >= len(letters) - 2:
            named.append("YX"[i - len(letters) + 2])
            continue
        else:
            ok = letter not in "QISCYX"
        named.append(letter if ok and letter not in named else "?")
    for i in reversed(range(len(named))):
        if named[i] == "?":
            named[i] = free.pop(0)
    return "".join(named)


def _find_channels(shape: tuple[int, ...], axes: str) -> int | None:
    for letter in "SC":
        if letter in axes:
            return axes.index(letter)
    # Nothing but colours is 3 or 4 long at the end, where the file names no axes.
    unnamed = set(axes) & {"Q", "I"}
    return len(shape) - 1 if unnamed and shape[-1] in (3, 4) else None


def _stem(path: Path) -> str:
    lower = path.name.lower()
    suffix = next((s for s in OME_SUFFIXES if lower.endswith(s)), path.suffix)
    stem = path.name[: len(path.name) - len(suffix)]
    # Files that are made of it hold UTF-8; names of files are any bytes.
    return stem.encode("utf-8", "replace").decode()

"""Image files in, label files out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from napari_mmtseg._tiff import PixelSize, encode_tiff, is_tiff, read_tiff
from napari_mmtseg.errors import InputError
from napari_mmtseg.files import check_output, write_atomically

__all__ = [
    "CONFIDENCE_SUFFIXES",
    "LABEL_SUFFIXES",
    "ImageFile",
    "PixelSize",
    "check_output",
    "read_image",
    "write_confidence",
    "write_labels",
    "write_picture",
]

OME_SUFFIXES = (".ome.tif", ".ome.tiff")
LABEL_SUFFIXES = (".tif", ".tiff", ".png")
"""Endings of the label files that :func:`write_labels` makes; lower case."""
CONFIDENCE_SUFFIXES = (".tif", ".tiff")
"""Endings of the files that :func:`write_confidence` makes; lower case."""


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image as read from a file, ready to be segmented.

    Attributes
    ----------
    array : ndarray
        Pixels in the data type of the file.
    axes : str
        A letter for every axis of `array`: "YX" (grey), "YXS" (RGB or RGBA) or with a
        C for channels, such as "CYX".
    channel_axis : int or None
        Axis of the channels, to be passed on with `array`; None for grey and RGB(A).
    pixel_sizes : tuple of PixelSize or None
        One for every axis; None where the file does not tell.
    name : str
        Name of the file without folder and suffix.
    """

    array: NDArray[Any]
    axes: str
    channel_axis: int | None
    pixel_sizes: tuple[PixelSize | None, ...]
    name: str

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        y, x = (self.array.shape[self.axes.index(axis)] for axis in "YX")
        return y, x

    def pixel_size(self, axis: str) -> PixelSize | None:
        """Pixel size along "Y" or "X"."""
        return self.pixel_sizes[self.axes.index(axis)]


def read_image(path: str | Path, *, channel_axis: int | None = None) -> ImageFile:
    """Read an image file: TIFF by tifffile, anything else by imageio.

    Parameters
    ----------
    path : path-like
        TIFF (OME, ImageJ or plain), PNG, JPEG, BMP, GIF (first frame) and what else
        Pillow reads. The content decides, not the suffix.
    channel_axis : int, optional
        Axis of the channels as stored in the file, where the file does not tell.

    Returns
    -------
    ImageFile
        Without axes of length 1.

    Raises
    ------
    InputError
        If the file cannot be read or holds more than one 2D image.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder. Pass the name of an image file.")
        with path.open("rb") as file:
            header = file.read(32)
        if not header:
            raise InputError(f"{path} is empty.")
        if is_tiff(header):
            array, axes, sizes = read_tiff(path)
        else:
            array, axes = _read_raster(path, header)
            sizes = {}
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
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return _arrange(path, array, axes, sizes, channel_axis)


def write_labels(
    path: str | Path,
    labels: NDArray[Any],
    *,
    source: ImageFile | None = None,
    axes: str = "YX",
    pixel_sizes: Sequence[PixelSize | None] = (),
    overwrite: bool = False,
) -> None:
    """Write labels in the smallest unsigned data type that holds them.

    Parameters
    ----------
    path : path-like
        Ending in .ome.tif or .ome.tiff for OME-TIFF, .tif or .tiff for a TIFF file
        that ImageJ understands, or .png.
    labels : ndarray of int
        Labels from 0: (Y, X), or a stack as a TIFF file.
    source : ImageFile, optional
        Where the pixel size comes from; PNG has none.
    axes : str
        A letter for every axis of `labels`: T, C, Z, Y and X in this order, the last
        two of them always.
    pixel_sizes : sequence of PixelSize or None
        Along every axis, without a source.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    InputError
        If the file exists or cannot be written, or the labels do not fit in it.
    """
    path = check_output(path, suffixes=LABEL_SUFFIXES, overwrite=overwrite)
    largest = int(labels.max(initial=0))
    if len(axes) != labels.ndim or not re.fullmatch("T?C?Z?YX", axes):
        raise InputError(
            f"Labels of shape {labels.shape} cannot be written with the axes {axes}. "
            "Accepted: Y and X, for two axes, and before them T, C and Z in this order."
        )
    if labels.min(initial=0) < 0 or largest >= 2**32:
        raise InputError(
            f"Labels from {labels.min(initial=0)} to {largest} cannot be written. "
            f"Accepted: values from 0 to {2**32 - 1}."
        )
    compact = labels.astype(np.min_scalar_type(largest))
    if path.suffix.lower() == ".png":
        if labels.ndim > 2:
            raise InputError(
                f"{path} cannot hold labels of shape {labels.shape}: PNG has two axes. "
                "Write a .tif file."
            )
        if compact.dtype.itemsize > 2:
            raise InputError(
                f"{path} cannot hold {largest} labels: PNG ends at 65535. Write a .tif "
                "file."
            )
        content = _encode_png(compact)
    else:
        content = _encode_tiff(path, compact, source, axes, pixel_sizes)
    write_atomically(path, content, overwrite=overwrite)


def write_confidence(
    path: str | Path,
    confidence: NDArray[np.float32],
    *,
    source: ImageFile | None = None,
    overwrite: bool = False,
) -> None:
    """Write a confidence image as a TIFF file of float32.

    Parameters
    ----------
    path : path-like
        Ending in .ome.tif or .ome.tiff for OME-TIFF, .tif or .tiff for a TIFF file
        that ImageJ understands.
    confidence : (Y, X) ndarray of float32
        The values.
    source : ImageFile, optional
        Where the pixel size comes from.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    InputError
        If the file exists or cannot be written, or there are not two axes.
    """
    path = check_output(path, suffixes=CONFIDENCE_SUFFIXES, overwrite=overwrite)
    if confidence.ndim != 2:
        raise InputError(
            f"A confidence image of shape {confidence.shape} cannot be written. "
            "Accepted: two axes."
        )
    content = _encode_tiff(path, confidence.astype(np.float32, copy=False), source)
    write_atomically(path, content, overwrite=overwrite)


def write_picture(
    path: str | Path, picture: NDArray[Any], *, overwrite: bool = False
) -> None:
    """Write a picture to look at as a PNG file.

    Parameters
    ----------
    path : path-like
        Ending in .png.
    picture : (Y, X) or (Y, X, 3) ndarray of uint8
        The picture.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    content = _encode_png(picture)
    write_atomically(path, content, suffixes=(".png",), overwrite=overwrite)


def _encode_tiff(
    path: Path,
    values: NDArray[Any],
    source: ImageFile | None,
    axes: str = "YX",
    pixel_sizes: Sequence[PixelSize | None] = (),
) -> bytes:
    sizes = tuple(pixel_sizes) or (None,) * values.ndim
    if source is not None:
        sizes = source.pixel_size("Y"), source.pixel_size("X")
    return encode_tiff(
        values,
        sizes,
        name=source.name if source else path.name,
        ome=path.name.lower().endswith(OME_SUFFIXES),
        axes=axes,
    )


def _encode_png(picture: NDArray[Any]) -> bytes:
    content: bytes = iio.imwrite("<bytes>", picture, plugin="pillow", extension=".png")
    return content


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
        warnings.warn(
            f"{path} has 16 bits per colour; the upper 8 are used. Save it as TIFF to "
            "use all.",
            UserWarning,
            stacklevel=3,
        )
    if mode in ("LA", "La", "PA") and array.ndim == 3 and array.shape[2] == 2:
        warnings.warn(
            f"The alpha channel of {path} is ignored.", UserWarning, stacklevel=3
        )
        array = array[..., 0]
    return array, "YXS"[: array.ndim]


def _arrange(
    path: Path,
    array: NDArray[Any],
    axes: str,
    sizes: dict[str, PixelSize],
    channel_axis: int | None,
) -> ImageFile:
    """Leave out axes of length 1, find the channels, name the other two Y and X."""
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
    array = array.reshape([array.shape[i] for i in keep])
    axes = "".join(axes[i] for i in keep)
    if channel is not None:
        channel = keep.index(channel)
    elif array.ndim == 3:
        channel = _find_channels(array.shape, axes)
    spatial = "".join(a for i, a in enumerate(axes) if i != channel)
    if len(spatial) != 2:
        raise InputError(
            f"{path} has {stored}, but one 2D image is needed. Save one plane as a "
            "file of its own; if an axis holds channels, name it with --channel-axis N "
            "(channel_axis=N), counted from 0."
        )
    named_axes = "YX"
    if channel is not None:
        colour = channel_axis is None and axes[channel] != "C"
        if colour and array.shape[channel] in (3, 4):
            array, named_axes = np.moveaxis(array, channel, 2), "YXS"
            channel = None
        else:
            named_axes = "YX"[:channel] + "C" + "YX"[channel:]
    known = dict(zip("YX", (sizes.get(a) for a in spatial), strict=True))
    pixel_sizes = tuple(known.get(a) for a in named_axes)
    return ImageFile(array, named_axes, channel, pixel_sizes, _stem(path))


def _find_channels(shape: tuple[int, ...], axes: str) -> int | None:
    for letter in "SC":
        if letter in axes:
            return axes.index(letter)
    # Nothing but colours is 3 or 4 long at the end, where the file names no axes.
    unnamed = set(axes) & {"Q", "I"}
    return 2 if unnamed and shape[2] in (3, 4) else None


def _stem(path: Path) -> str:
    lower = path.name.lower()
    suffix = next((s for s in OME_SUFFIXES if lower.endswith(s)), path.suffix)
    return path.name[: len(path.name) - len(suffix)]

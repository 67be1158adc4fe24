"""Image files: pixels, axes and pixel sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.formats import StoredImage, find_format, stem
from napari_mmtseg.files.pixel_size import PixelSize, in_one_unit
from napari_mmtseg.files.read_bioio import read_with_bioio
from napari_mmtseg.files.read_raster import read_raster
from napari_mmtseg.files.read_tiff import is_tiff, read_tiff
from napari_mmtseg.files.read_zarr import is_zarr, read_zarr
from napari_mmtseg.images.axes import parse_axes
from napari_mmtseg.images.channel_numbers import check_numbers
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.images.picked_channels import PickedChannels, pick

_MICROMETRE = PixelSize(1.0, "µm")


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image as read from a file, ready to be segmented.

    The array is a memmap or a zarr array if the file is large. Its axes are "YX"
    (grey), "YXS" (RGB or RGBA), with a C for channels, such as "CYX", and others for
    what is stacked, such as "TZYX". `channel_axis` is None for grey and RGB(A).
    `pixel_sizes` has one for every axis, None where the file has none; along T it is
    the time between frames. `name` is without folder and suffix. `positions` has the
    place of the first pixel for every axis, None where the file has none. `picked` are
    its channels if these are not all of the file.
    """

    array: Any
    axes: str
    channel_axis: int | None
    pixel_sizes: tuple[PixelSize | None, ...]
    name: str
    positions: tuple[PixelSize | None, ...] = ()
    picked: PickedChannels | None = None

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
        """Pixel sizes along the axes of the labels, 1 along those without one.

        In micrometres, or in :attr:`unit` if that is no unit of length. None if those
        along Y and X, and Z if there is one, are not all known in such a unit.
        """
        sizes = self._sizes_in_one_unit()
        if sizes is None:
            return None
        return tuple(s.size if (s := sizes.get(a)) else 1.0 for a in self.label_axes)

    @property
    def unit(self) -> str:
        """Unit of :attr:`spacing`: "µm", that of the file, or "pixels"."""
        sizes = self._sizes_in_one_unit()
        return "pixels" if sizes is None else sizes["X"].unit

    def spacing_for(self, unit_of_sizes: str) -> tuple[float, ...] | None:
        """Return the spacing for sizes in "micrometres" or others; None if unknown."""
        known = unit_of_sizes != "micrometres" or self.unit == _MICROMETRE.unit
        return self.spacing if known else None

    def _sizes_in_one_unit(self) -> dict[str, PixelSize] | None:
        found = {}
        for axis in self.label_axes:
            if axis in "ZYX":
                size = self.pixel_size(axis)
                if size is None:
                    return None
                converted = in_one_unit(size, _MICROMETRE)
                found[axis] = size if converted is None else converted[0]
        return found if len({size.unit for size in found.values()}) == 1 else None

    def pixel_size(self, axis: str) -> PixelSize | None:
        """Pixel size along "Z", "Y" or "X"."""
        return self.pixel_sizes[self.axes.index(axis)]


def read_image(
    path: str | Path,
    *,
    channel_axis: int | None = None,
    axes: str | None = None,
    series: int | None = None,
    channels: Sequence[int] | None = None,
) -> ImageFile:
    """Read an image file: TIFF by tifffile, OME-Zarr by zarr, else by imageio.

    Accepted are TIFF (OME, ImageJ or plain), PNG, JPEG, BMP, GIF (first frame) and
    others that Pillow reads; a folder of OME-Zarr; and formats that bioio reads, if
    that is installed. The content decides, not the suffix. `channel_axis` and `axes`
    are those as stored, if the file does not name them; axes of length 1 are left out
    of the result. `series` is the number, from 0, of the image in a file that holds
    several; without it the one with the largest pages is taken, and said. `channels`
    are the numbers, from 0, of those to take, in the order of the file; all without it.
    Raises InputError if the file cannot be read, or its axes are not Y, X and others.
    """
    path = Path(path)
    numbers = None if channels is None else check_numbers(channels)
    try:
        stored = _read(path, series)
    except InputError:
        raise
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
    except Exception as error:  # the libraries meet damage with errors of many kinds
        raise InputError(f"{path} is damaged or cut off: it cannot be read.") from error
    array = stored.array
    if isinstance(array, np.ndarray) and not array.dtype.isnative:
        stored = stored._replace(array=array.astype(array.dtype.newbyteorder("=")))
    if axes is not None:
        try:
            stored = stored._replace(axes=parse_axes(axes, array.ndim))
        except InputError as error:
            raise InputError(f"{path} has the shape {array.shape}: {error}") from error
    image = _arrange(path, stored, channel_axis)
    return image if numbers is None else _picked(path, image, numbers)


def common_pick(images: Sequence[ImageFile]) -> PickedChannels | None:
    """Return the channels that were picked, if that was the same in all images."""
    found = {image.picked for image in images}
    return found.pop() if len(found) == 1 else None


def _read(path: Path, series: int | None) -> StoredImage:
    if path.is_dir():
        if not is_zarr(path):
            raise InputError(
                f"{path} is a folder. Give the name of an image file or an OME-Zarr "
                "folder."
            )
        return read_zarr(path, series)
    with path.open("rb") as file:
        header = file.read(32)
    if not header:
        raise InputError(f"{path} is empty.")
    if is_tiff(header):
        return read_tiff(path, series)
    try:
        return read_raster(path, header, series)
    except InputError as error:
        found = read_with_bioio(path, series)
        if found is not None:
            return found
        by_name = find_format(path.name)
        if by_name is not None and by_name.reader == "pillow":
            raise
        raise InputError(
            f"{error} Formats of microscopes are read by bioio: pip install "
            '"napari-mmtseg[bioio]" and its reader, such as bioio-czi.'
        ) from None


def _arrange(path: Path, stored: StoredImage, channel_axis: int | None) -> ImageFile:
    """Leave out axes of length 1, find the channels, name all axes."""
    array, axes, sizes, positions = stored
    described = f"axes {axes} and shape {array.shape}"
    if channel_axis is not None:
        if not -array.ndim <= channel_axis < array.ndim:
            raise InputError(
                f"{path} has {described}: there is no axis {channel_axis} for the "
                f"channels. Count from 0 to {array.ndim - 1}."
            )
        channel_axis %= array.ndim
    kept = [
        i
        for i, length in enumerate(array.shape)
        if length != 1 or i == channel_axis or axes[i] in "YX"
    ]
    if len(kept) < array.ndim:
        index = tuple(slice(None) if i in kept else 0 for i in range(array.ndim))
        # A file that is only open stays so: nothing of it is read.
        is_read = isinstance(array, np.ndarray)
        array = array[index] if is_read else ArrayPart(array, index)
    axes = "".join(axes[i] for i in kept)
    if channel_axis is not None:
        channel: int | None = kept.index(channel_axis)
    else:
        channel = _find_channels(array.shape, axes)
    others = "".join(a for i, a in enumerate(axes) if i != channel)
    if len(others) < 2:
        raise InputError(
            f"{path} has {described}, but an image has at least two axes, Y and X, "
            "beside its channels. Name all axes with axes=AXES, such as axes=CYX, or "
            "the one of the channels with channel_axis=N, counted from 0."
        )
    named = _named(others)
    of_file = dict(zip(named, others, strict=True))
    if channel is not None:
        is_named = channel_axis is not None or axes[channel] == "C"
        if not is_named and array.shape[channel] in (3, 4):
            if channel != array.ndim - 1:
                array = np.moveaxis(np.asarray(array), channel, -1)
            named, channel = named + "S", None
        else:
            named = named[:channel] + "C" + named[channel:]
    # Files that are made of it hold UTF-8; names of files are any bytes.
    name = stem(path.name).encode("utf-8", "replace").decode()
    letters = [of_file.get(a, "") for a in named]
    return ImageFile(
        array,
        named,
        channel,
        tuple(sizes.get(a) for a in letters),
        name,
        tuple(positions.get(a) for a in letters),
    )


def _picked(path: Path, image: ImageFile, numbers: tuple[int, ...]) -> ImageFile:
    """Return an image with some of its channels; colours become channels."""
    words = ",".join(map(str, numbers))
    axis = next((i for i, a in enumerate(image.axes) if a in "CS"), None)
    if axis is None:
        raise InputError(
            f"{path} has no channels, so there is none of channels={words}. Leave that "
            "out, or name the axis of the channels with channel_axis=N."
        )
    n = int(image.array.shape[axis])
    if image.axes[axis] == "S":
        n = min(n, 3)  # without alpha
    if numbers[-1] >= n:
        raise InputError(
            f"{path} has {n} channels: there is no channel {numbers[-1]} "
            f"(channels={words}). Count from 0 to {n - 1}."
        )
    if len(numbers) == n:
        return image
    return replace(
        image,
        array=pick(image.array, axis, numbers),
        axes=image.axes.replace("S", "C"),
        channel_axis=axis,
        picked=PickedChannels(numbers, n),
    )


def _find_channels(shape: tuple[int, ...], axes: str) -> int | None:
    if len(axes) < 3:
        return None
    for letter in "SC":
        if letter in axes:
            return axes.index(letter)
    # Only colours are 3 or 4 long at the end, if the file names no axes.
    is_unnamed = not {"Q", "I"}.isdisjoint(axes)
    return len(shape) - 1 if is_unnamed and shape[-1] in (3, 4) else None


def _named(letters: str) -> str:
    """Name axes that the file does not name, or not as axes of an image: Z, then T."""
    free = [a for a in "ZTPMRVW" if a not in letters]
    if not {"Y", "X"} <= set(letters):
        letters = letters[:-2].replace("Y", "Q").replace("X", "Q") + "YX"
    named = ""
    for i in reversed(range(len(letters))):
        is_name = letters[i] not in "QISC" and letters[i] not in letters[:i]
        named = (letters[i] if is_name else free.pop(0)) + named
    return named

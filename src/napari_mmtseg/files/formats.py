"""File formats: suffixes, the data that each holds, and the result of reading one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, NamedTuple

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.notices import warn


class StoredImage(NamedTuple):
    """An image as a file holds it.

    The array is a memmap, zarr or dask array, not read yet, if there are many pixels.
    An axis without a name in the file is "Q"; pixel sizes, and the positions of the
    first pixel, are by letter of the axis.
    """

    array: Any
    axes: str
    pixel_sizes: dict[str, PixelSize]
    positions: Mapping[str, PixelSize] = MappingProxyType({})


@dataclass(frozen=True)
class FileFormat:
    """A format of image files: its name in options, and what can be written to it.

    Of the lower-case suffixes the first one is written. The `reader` is "tifffile",
    "pillow", "zarr" or "bioio"; the content of a file decides which one is tried.
    Labels of stacks have more axes than Y and X.
    """

    name: str
    suffixes: tuple[str, ...]
    reader: str
    is_written: bool = False
    holds_stacks: bool = False
    holds_confidence: bool = False


_TIFF = {"is_written": True, "holds_stacks": True, "holds_confidence": True}
_FORMATS = (
    FileFormat("tif", (".tif", ".tiff"), "tifffile", **_TIFF),
    FileFormat("ome.tif", (".ome.tif", ".ome.tiff"), "tifffile", **_TIFF),
    FileFormat("png", (".png",), "pillow", is_written=True),
    FileFormat("jpg", (".jpg", ".jpeg"), "pillow"),
    FileFormat("bmp", (".bmp",), "pillow"),
    FileFormat("gif", (".gif",), "pillow"),
    FileFormat(
        "zarr", (".zarr", ".ome.zarr"), "zarr", is_written=True, holds_stacks=True
    ),
    FileFormat("czi", (".czi",), "bioio"),
    FileFormat("lif", (".lif",), "bioio"),
    FileFormat("nd2", (".nd2",), "bioio"),
)
_BY_SUFFIX = {suffix: f for f in _FORMATS for suffix in f.suffixes}
_WRITTEN = tuple(f for f in _FORMATS if f.is_written)


def _endings(formats: Iterable[FileFormat]) -> tuple[str, ...]:
    """List suffixes; .ome.tif is not among them, as it ends in .tif."""
    return tuple(s for f in formats for s in f.suffixes if s.count(".") == 1)


IMAGE_SUFFIXES = _endings(_FORMATS)
"""Endings of the names of images in a folder."""
LABEL_SUFFIXES = _endings(_WRITTEN)
"""Endings of the names of label files."""
CONFIDENCE_SUFFIXES = _endings(f for f in _FORMATS if f.holds_confidence)
"""Endings of the names of confidence maps."""
FILE_FORMATS = {f.name: f.suffixes[0] for f in _WRITTEN}
"""Formats of label files by name, and the endings that they are given."""


def find_format(name: str) -> FileFormat | None:
    """Return the format that a file has by its name; None for other names."""
    return _BY_SUFFIX.get(_suffix(name))


def stem(name: str) -> str:
    """Return a file name without its suffix, or without both as in .ome.tif."""
    suffix = _suffix(name) or PurePath(name).suffix
    return name[: len(name) - len(suffix)]


def _suffix(name: str) -> str:
    found = (s for s in _BY_SUFFIX if name.lower().endswith(s))
    return max(found, key=len, default="")


def chosen_image(
    path: PurePath, n: int, number: int | None, words: str = "the first", best: int = 0
) -> int:
    """Return the number of the image that is meant in a file of `n`, from 0.

    Without a number it is the `best`; that is said, in `words`, if there are others.
    Raises InputError if there is no image of that number.
    """
    if number is None and n > 1:
        warn(
            f"{path} holds {n} images; {words} is used. Choose another by its "
            f"number, 0 to {n - 1} (series=N, --series N)."
        )
    number = best if number is None else number
    check_series(path, number, n)
    return number


def check_series(path: PurePath, number: int, n: int) -> None:
    """Raise InputError if a file of `n` images has none of a number, from 0."""
    if not 0 <= number < n:
        raise InputError(
            f"{path} has no image {number}. Accepted: 0 to {n - 1} (series)."
        )


def in_words(suffixes: Iterable[str]) -> str:
    """Return suffixes as a list in a sentence."""
    *others, last = suffixes
    return f"{', '.join(others)} or {last}" if others else last

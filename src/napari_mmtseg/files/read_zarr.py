"""OME-Zarr images: axes, scale and the finest level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_mmtseg.errors import InputError, import_extra
from napari_mmtseg.files.formats import StoredImage
from napari_mmtseg.files.pixel_size import UNITS, PixelSize

_MARKS = ("zarr.json", ".zgroup", ".zarray")
_SYMBOLS = {unit.name: symbol for symbol, unit in UNITS.items()}


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a zarr group or array."""
    return any((path / mark).is_file() for mark in _MARKS)


def read_zarr(path: Path) -> StoredImage:
    """Open the finest level of an OME-Zarr image, or a plain zarr array.

    Raises InputError if it does not hold an image.
    """
    zarr = import_extra("zarr")
    try:
        found = zarr.open(str(path), mode="r")
    except Exception as error:  # zarr meets damage with errors of many kinds
        raise InputError(f"{path} is not a readable zarr: {error}") from error
    if not hasattr(found, "group_keys"):
        return StoredImage(found, "Q" * found.ndim, {})
    attributes = dict(found.attrs)
    images = attributes.get("ome", attributes).get("multiscales")
    try:
        image = images[0]
        level = image["datasets"][0]
        array = found[level["path"]]
        axes = _axes(image.get("axes"), array.ndim)
        sizes = _pixel_sizes(image, level, axes)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not hold an OME-Zarr image: its metadata name no multiscales "
            "with a dataset that fits its axes. Give the folder of the image itself, "
            "such as plate.zarr/A/1/0."
        ) from error
    return StoredImage(array, axes, sizes)


def _axes(described: Sequence[Any] | None, n: int) -> str:
    if described is None:
        return "TCZYX"[-n:]
    names = [axis["name"] if isinstance(axis, Mapping) else axis for axis in described]
    return "".join(str(name)[:1].upper() for name in names)


def _pixel_sizes(
    image: Mapping[str, Any], level: Mapping[str, Any], axes: str
) -> dict[str, PixelSize]:
    scale = [1.0] * len(axes)
    for owner in (level, image):
        for change in owner.get("coordinateTransformations", ()):
            if change.get("type") == "scale":
                scale = [a * b for a, b in zip(scale, change["scale"], strict=True)]
    described = image.get("axes") or [{}] * len(axes)
    found = {}
    for letter, size, axis in zip(axes, scale, described, strict=True):
        unit = axis.get("unit") if isinstance(axis, Mapping) else None
        if letter in "ZYX" and unit in _SYMBOLS:
            found[letter] = PixelSize(float(size), _SYMBOLS[unit])
    return found

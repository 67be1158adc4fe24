"""OME-Zarr images: axes, scale and the finest level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_mmtseg.errors import InputError, import_extra
from napari_mmtseg.files.formats import StoredImage, chosen_image
from napari_mmtseg.files.pixel_size import PixelSize, stated_position, stated_size
from napari_mmtseg.notices import warn

_MARKS = ("zarr.json", ".zgroup", ".zarray")


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a zarr group or array."""
    return any((path / mark).is_file() for mark in _MARKS)


def read_zarr(path: Path, number: int | None = None) -> StoredImage:
    """Open the finest level of an OME-Zarr image, or a plain zarr array.

    Of several images it is the first, unless a number is given. Raises InputError if it
    does not hold an image.
    """
    zarr = import_extra("zarr")
    try:
        found = zarr.open(str(path), mode="r")
    except Exception as error:  # zarr meets damage with errors of many kinds
        raise InputError(f"{path} is not a readable zarr: {error}.") from error
    if not hasattr(found, "group_keys"):
        return StoredImage(found, "Q" * found.ndim, {})
    attributes = dict(found.attrs)
    images = attributes.get("ome", attributes).get("multiscales")
    try:
        image = images[chosen_image(path, len(images), number)]
        level = image["datasets"][0]
        array = found[level["path"]]
        axes = _axes(image.get("axes"), array.ndim)
        sizes, positions = _places(path, image, level, axes)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not hold an OME-Zarr image: its metadata name no multiscales "
            "with a dataset that fits its axes. Give the folder of the image itself, "
            "such as plate.zarr/A/1/0."
        ) from error
    return StoredImage(array, axes, sizes, positions)


def _axes(described: Sequence[Any] | None, n: int) -> str:
    if described is None:
        return "TCZYX"[-n:]
    names = [axis["name"] if isinstance(axis, Mapping) else axis for axis in described]
    return "".join(str(name)[:1].upper() for name in names)


def _places(
    path: Path, image: Mapping[str, Any], level: Mapping[str, Any], axes: str
) -> tuple[dict[str, PixelSize], dict[str, PixelSize]]:
    """Return pixel sizes, and positions of the first pixel, by letter of the axis."""
    scale, origin = [1.0] * len(axes), [0.0] * len(axes)
    for owner in (level, image):
        for change in owner.get("coordinateTransformations", ()):
            if change.get("type") == "scale":
                factors = change["scale"]
                scale = [a * b for a, b in zip(scale, factors, strict=True)]
                origin = [a * b for a, b in zip(origin, factors, strict=True)]
            elif change.get("type") == "translation":
                shift = change["translation"]
                origin = [a + b for a, b in zip(origin, shift, strict=True)]
            elif change.get("type") != "identity":
                warn(
                    f"{path}: its {change.get('type')} is left out; the pixel size is "
                    "that of its scale."
                )
    described = image.get("axes") or [{}] * len(axes)
    # A scale of 1 everywhere and no unit is no pixel size: files without one have it.
    is_scaled = any(scale[i] != 1 for i, a in enumerate(axes) if a in "ZYX")
    sizes, positions = {}, {}
    for i, (letter, axis) in enumerate(zip(axes, described, strict=True)):
        unit = axis.get("unit") if isinstance(axis, Mapping) else None
        is_stated = bool(unit) or (scale[i] != 1 if letter == "T" else is_scaled)
        size = stated_size(scale[i], unit) if is_stated else None
        if letter in "TZYX" and size is not None:
            sizes[letter] = size
        if letter in "TZYX" and origin[i]:
            place = stated_position(origin[i], unit)
            if place is not None:
                positions[letter] = place
    return sizes, positions

"""Pixel sizes, time between frames and position of the image in a TIFF file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tifffile

from napari_mmtseg.files.pixel_size import (
    UNITS,
    PixelSize,
    in_one_unit,
    size_of_resolution,
    stated_position,
    stated_size,
)
from napari_mmtseg.files.tiff_makers import sizes_by_maker

Found = tuple[dict[str, PixelSize], dict[str, PixelSize]]


def tiff_places(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Found:
    """Return pixel sizes, and positions of the first pixel, by letter of the axis."""
    if file.is_ome and file.ome_metadata:
        return _of_ome(file, series)
    if file.is_imagej:
        return _of_imagej(file)
    sizes, positions = _of_tags(file)
    return {**sizes, **_known(sizes_by_maker(file))}, positions


def _of_tags(file: tifffile.TiffFile) -> Found:
    tags = file.pages.first.tags
    unit = {2: "in", 3: "cm"}.get(int(tags.valueof("ResolutionUnit") or 0))
    if unit is None:
        return {}, {}
    sizes, positions = {}, {}
    for axis in "XY":
        sizes[axis] = size_of_resolution(_step(tags, axis), unit)
        place = tags.valueof(f"{axis}Position")
        if sizes[axis] is not None and isinstance(place, tuple) and place[1]:
            micrometres = UNITS[unit].size * place[0] / place[1]
            positions[axis] = stated_position(micrometres, "µm")
    return _known(sizes), _known(positions)


def _of_imagej(file: tifffile.TiffFile) -> Found:
    tags, found = file.pages.first.tags, file.imagej_metadata or {}
    unit = found.get("unit")
    steps = {"X": _step(tags, "X"), "Y": _step(tags, "Y"), "Z": found.get("spacing")}
    if unit is None and steps["X"] in (0.0, 1.0) and steps["Y"] in (0.0, 1.0):
        steps = {}  # a size of 1 without a unit is no pixel size
    sizes = {
        axis: stated_size(step, found.get(f"{axis.lower()}unit", unit))
        for axis, step in steps.items()
    }
    sizes["T"] = stated_size(found.get("finterval"), found.get("tunit", "s"))
    positions = {}
    for axis in "XYZ":
        size, origin = sizes.get(axis), found.get(f"{axis.lower()}origin")
        if size is not None and origin:
            # ImageJ keeps the pixel at which the position is 0.
            place = stated_position(origin, size.unit)
            positions[axis] = place and place._replace(size=-place.size * size.size)
    return _known(sizes), _known(positions)


def _of_ome(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Found:
    try:
        images: Any = tifffile.xml2dict(file.ome_metadata or "")["OME"]["Image"]
        images = images if isinstance(images, (list, tuple)) else [images]
        pixels: Any = images[_number(images, file, series)]["Pixels"]
        planes = pixels.get("Plane") or {}
        plane = planes[0] if isinstance(planes, (list, tuple)) else planes
        sizes = {
            axis: stated_size(
                pixels.get(f"PhysicalSize{axis}"),
                pixels.get(f"PhysicalSize{axis}Unit", "µm"),
            )
            for axis in "ZYX"
        }
        sizes["T"] = stated_size(
            pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s")
        ) or _between_frames(planes)
        # Without a unit a position is in one that nobody knows.
        positions = {
            axis: stated_position(
                plane.get(f"Position{axis}"), plane.get(f"Position{axis}Unit", "")
            )
            for axis in "ZYX"
        }
    except (KeyError, IndexError, TypeError, ValueError, SyntaxError, AttributeError):
        return {}, {}
    return _known(sizes), _known(positions)


def _between_frames(planes: Any) -> PixelSize | None:
    """Return the mean time between the first planes of all frames, if they have one."""
    first: dict[int, PixelSize] = {}
    for plane in planes if isinstance(planes, (list, tuple)) else ():
        time = stated_position(plane.get("DeltaT"), plane.get("DeltaTUnit", "s"))
        if time is not None:
            first.setdefault(int(plane.get("TheT", 0)), time)
    if len(first) < 2:
        return None
    (i, begin), (j, end) = min(first.items()), max(first.items())
    both = in_one_unit(begin, end)
    if both is None:
        return None
    return stated_size((both[1].size - both[0].size) / (j - i), end.unit)


def _number(
    images: list[Any], file: tifffile.TiffFile, series: tifffile.TiffPageSeries
) -> int:
    """Return the place of a series among all images, of which some may lack."""
    at = -1
    for found in file.series:
        names = [image.get("Name") for image in images]
        later = [i for i in range(at + 1, len(names)) if names[i] == found.name]
        at = later[0] if found.name and later else at + 1
        if found is series:
            break
    return at


def _step(tags: tifffile.TiffTags, axis: str) -> float:
    pixels, units = tags.valueof(f"{axis}Resolution") or (0, 1)
    return float(units / pixels) if pixels else 0.0


def _known(sizes: Mapping[str, PixelSize | None]) -> dict[str, PixelSize]:
    return {axis: size for axis, size in sizes.items() if size is not None}

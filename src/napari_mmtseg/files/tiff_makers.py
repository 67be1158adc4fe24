"""Pixel sizes in TIFF files of microscopes and scanners, as each maker states them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import tifffile

from napari_mmtseg.files.pixel_size import PixelSize, stated_size

Sizes = Mapping[str, PixelSize | None]


def sizes_by_maker(file: tifffile.TiffFile) -> Sizes:
    """Return pixel sizes by letter of the axis, as far as a known maker states them.

    Raises nothing: metadata of makers are often damaged by other programs.
    """
    for is_made, sizes in _MAKERS.items():
        try:
            if getattr(file.pages.first, is_made):
                return sizes(file)
        except (AttributeError, LookupError, TypeError, ValueError):
            continue
    return {}


def _square(size: Any, unit: Any) -> Sizes:
    return {axis: stated_size(size, unit) for axis in "YX"}


def _lsm(file: tifffile.TiffFile) -> Sizes:
    found: Any = file.lsm_metadata
    sizes = {axis: stated_size(found[f"VoxelSize{axis}"], "m") for axis in "ZYX"}
    return {**sizes, "T": stated_size(found.get("TimeInterval"), "s")}


def _metaseries(file: tifffile.TiffFile) -> Sizes:
    found: Any = file.metaseries_metadata
    plane = found["PlaneInfo"]
    unit = plane["spatial-calibration-units"]
    return {
        a: stated_size(plane[f"spatial-calibration-{a.lower()}"], unit) for a in "YX"
    }


def _micromanager(file: tifffile.TiffFile) -> Sizes:
    plane: Any = file.pages.first.tags.valueof("MicroManagerMetadata")
    summary = plane.get("Summary") or {}
    size = plane.get("PixelSizeUm") or summary.get("PixelSize_um")
    sizes = {**_square(size, "µm"), "Z": stated_size(summary.get("z-step_um"), "µm")}
    return {**sizes, "T": stated_size(summary.get("Interval_ms"), "ms")}


def _svs(file: tifffile.TiffFile) -> Sizes:
    found = re.search(r"\|\s*MPP\s*=\s*([^|]*)", file.pages.first.description)
    return {} if found is None else _square(found[1], "µm")


def _sem(file: tifffile.TiffFile) -> Sizes:
    found: Any = file.sem_metadata
    name = "ap_image_pixel_size" if "ap_image_pixel_size" in found else "ap_pixel_size"
    _, size, unit = found[name]
    return _square(size, unit)


def _fei(file: tifffile.TiffFile) -> Sizes:
    found: Any = file.fei_metadata
    scan = found["Scan"]
    return {
        a: stated_size(scan[f"Pixel{n}"], "m")
        for a, n in (("X", "Width"), ("Y", "Height"))
    }


_MAKERS: dict[str, Callable[[tifffile.TiffFile], Sizes]] = {
    "is_lsm": _lsm,
    "is_metaseries": _metaseries,
    "is_micromanager": _micromanager,
    "is_svs": _svs,
    "is_sem": _sem,
    "is_fei": _fei,
}

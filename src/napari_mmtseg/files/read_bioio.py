"""Formats of microscopes, read by bioio if that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_mmtseg.files.formats import StoredImage, chosen_image
from napari_mmtseg.files.pixel_size import PixelSize, stated_size


def read_with_bioio(path: Path, scene: int | None = None) -> StoredImage | None:
    """Open a scene of a file, by default the first.

    None if bioio or its reader is not installed.
    """
    try:
        from bioio import BioImage
        from bioio_base.exceptions import UnsupportedFileFormatError
    except ImportError:
        return None
    try:
        image = BioImage(path)
        scene = chosen_image(path, len(image.scenes), scene)
        image.set_scene(scene)
        array, axes = image.dask_data, str(image.dims.order)
    except UnsupportedFileFormatError:
        return None
    known = _pixel_sizes(image)
    if axes.endswith("S") and array.shape[-1] not in (3, 4):
        axes = axes[:-1] + "Q"
    return StoredImage(array, axes, known)


def _pixel_sizes(image: Any) -> dict[str, PixelSize]:
    """Return pixel sizes, and the time between frames, in the units of the reader.

    Readers that state no unit may mean any, and give 1 for a size that they do not
    know.
    """
    units = getattr(image, "dimension_properties", None)
    given = dict(zip("ZYX", image.physical_pixel_sizes, strict=True))
    given["T"] = getattr(image, "time_interval", None)
    found = {}
    for axis, size in given.items():
        unit = getattr(getattr(units, axis, None), "unit", None)
        stated = stated_size(size, None if unit is None else str(unit))
        if stated is not None and (axis != "T" or stated.unit):
            found[axis] = stated
    if all(size == PixelSize(1.0, "") for size in found.values()):
        return {}
    return found

"""Formats of microscopes, read by bioio if that is installed."""

from __future__ import annotations

from pathlib import Path

from napari_mmtseg.files.formats import StoredImage, check_series
from napari_mmtseg.files.pixel_size import PixelSize


def read_with_bioio(path: Path, scene: int = 0) -> StoredImage | None:
    """Open a scene of a file; None if bioio or its reader is not installed."""
    try:
        from bioio import BioImage
        from bioio_base.exceptions import UnsupportedFileFormatError
    except ImportError:
        return None
    try:
        image = BioImage(path)
        check_series(path, scene, len(image.scenes))
        image.set_scene(scene)
        array, axes = image.dask_data, str(image.dims.order)
    except UnsupportedFileFormatError:
        return None
    sizes = zip("ZYX", image.physical_pixel_sizes, strict=True)
    known = {a: PixelSize(float(size), "µm") for a, size in sizes if size}
    if axes.endswith("S") and array.shape[-1] not in (3, 4):
        axes = axes[:-1] + "Q"
    return StoredImage(array, axes, known)

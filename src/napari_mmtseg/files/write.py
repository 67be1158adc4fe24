"""Label files, confidence maps and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError, import_extra
from napari_mmtseg.files.atomic import check_output, write_atomically, written_whole
from napari_mmtseg.files.formats import (
    CONFIDENCE_SUFFIXES,
    LABEL_SUFFIXES,
    find_format,
)
from napari_mmtseg.files.outlines import ObjectClasses
from napari_mmtseg.files.pixel_size import PixelSize, Places
from napari_mmtseg.files.provenance import Provenance, png_text
from napari_mmtseg.files.read import ImageFile
from napari_mmtseg.files.write_tiff import write_tiff
from napari_mmtseg.files.write_zarr import check_zarr_output, write_zarr_labels
from napari_mmtseg.notices import warn

_ORDER = "TCZYX"
"""The axes of label files, in their order."""

_LARGE = 2**29
"""Bytes of labels from which they are written tile by tile."""


def check_labels_path(path: str | Path, *, overwrite: bool = False) -> Path:
    """Raise InputError if labels could not be written, before any work is done."""
    path = Path(path)
    if path.suffix.lower() == ".zarr":
        return check_zarr_output(path, overwrite=overwrite)
    return check_output(path, suffixes=LABEL_SUFFIXES, overwrite=overwrite)


def check_labels_fit(path: str | Path, axes: str) -> None:
    """Raise InputError if a file of this name cannot hold labels, before they are made.

    The format may have no place for one of the axes, or a library may be missing.
    """
    path = Path(path)
    letters = set(axes)
    if len(letters) < len(axes) or not set("YX") <= letters <= set(_ORDER):
        raise InputError(
            f"Labels with the axes {axes} cannot be written. Accepted: Y and X, and "
            "beside them T, C and Z, each once. Give the axes of the image such names, "
            "as in axes=TZYX."
        )
    by_name = find_format(path.name)
    if len(axes) > 2 and by_name is not None and not by_name.holds_stacks:
        raise InputError(
            f"{path} cannot hold the labels of a stack ({axes}): "
            f"{by_name.name.upper()} has two axes. Write a .tif or .zarr file."
        )
    if path.suffix.lower() == ".zarr":
        import_extra("zarr")
        import_extra("ome_zarr.writer")


def write_labels(
    path: str | Path,
    labels: NDArray[Any],
    *,
    source: ImageFile | None = None,
    axes: str = "YX",
    pixel_sizes: Sequence[PixelSize | None] = (),
    positions: Sequence[PixelSize | None] = (),
    ome: bool | None = None,
    classes: ObjectClasses | None = None,
    provenance: Provenance | None = None,
    overwrite: bool = False,
) -> None:
    """Write labels from 0 in the smallest unsigned data type that holds them.

    Parameters
    ----------
    path : path-like
        Ending in .ome.tif or .ome.tiff for OME-TIFF, .tif or .tiff for a TIFF file
        that ImageJ understands, .png, or .zarr for OME-Zarr. Half a gigabyte and more
        of labels become an OME-TIFF file in tiles.
    labels : ndarray of int
        (Y, X), or a stack as a TIFF file or OME-Zarr.
    source : ImageFile, optional
        The image, whose pixel size, position, time between frames and name are kept; a
        PNG file has none of them, which is said.
    axes : str
        Y and X, and T, C and Z beside them, in any order; the file has T, C, Z, Y, X.
    pixel_sizes, positions : sequence of PixelSize or None
        Along every axis, if there is no source.
    ome : bool, optional
        Write OME-TIFF or not, whatever the name says.
    classes : ObjectClasses, optional
        Classes of objects with their names and colours, which OME-Zarr keeps; that
        others do not is said.
    provenance : Provenance, optional
        What has made the labels; every format keeps it.

    Raises
    ------
    InputError
        If the file exists or cannot be written, or the labels do not fit in it.
    """
    if len(axes) != labels.ndim:
        raise InputError(
            f"Labels of shape {labels.shape} cannot be written with the axes "
            f"{axes}. Accepted: Y and X, and a letter for every axis before them."
        )
    path = Path(path)
    check_labels_fit(path, axes)
    places = _places(source, axes, pixel_sizes, positions)
    order = file_order(axes)
    labels = labels.transpose(order)
    axes = "".join(axes[i] for i in order)
    places = Places(*(tuple(values[i] for i in order) for values in places))
    suffix, name = path.suffix.lower(), source.name if source else path.name
    if suffix == ".zarr":
        write_zarr_labels(path, labels, axes, places, overwrite, classes, provenance)
        return
    check_output(path, suffixes=LABEL_SUFFIXES, overwrite=overwrite)
    smallest, largest = int(labels.min(initial=0)), int(labels.max(initial=0))
    if smallest < 0 or largest >= 2**32:
        raise InputError(
            f"Labels from {smallest} to {largest} cannot be written. Accepted: values "
            f"from 0 to {2**32 - 1}."
        )
    dtype = np.min_scalar_type(largest)
    if suffix == ".png" and dtype.itemsize > 2:
        raise InputError(
            f"{path} cannot hold {largest} labels: PNG holds at most 65535. Write a "
            ".tif file."
        )
    if classes is not None:
        warn(
            f"{path} holds no names and colours of classes. A .zarr, .geojson or .zip "
            "file keeps them."
        )
    with written_whole(path, overwrite=overwrite) as partial:
        if suffix == ".png":
            content = _encode_png(labels.astype(dtype), pnginfo=png_text(provenance))
            partial.write_bytes(content)
            if places != Places.unknown(len(axes)):
                warn(f"{path}: PNG holds no pixel size. A .tif file keeps it.")
            return
        write_tiff(
            partial,
            labels,
            dtype,
            places,
            name=name,
            axes=axes,
            ome=_is_ome(path) if ome is None else ome,
            in_tiles=labels.size * dtype.itemsize >= _LARGE,
            provenance=provenance,
        )


def file_order(axes: str) -> list[int]:
    """Return where the axes of a label file, in their order, are among others."""
    return sorted(range(len(axes)), key=lambda i: _ORDER.index(axes[i]))


def write_confidence(
    path: str | Path,
    confidence: NDArray[np.float32],
    *,
    source: ImageFile | None = None,
    overwrite: bool = False,
) -> None:
    """Write a confidence map (Y, X) as a TIFF file of float32.

    Raises InputError as :func:`write_labels` does, or if there are not two axes.
    """
    path = check_output(path, suffixes=CONFIDENCE_SUFFIXES, overwrite=overwrite)
    if confidence.ndim != 2:
        raise InputError(
            f"A confidence map of shape {confidence.shape} cannot be written. "
            "Accepted: two axes."
        )
    name, places = source.name if source else path.name, _places(source, "YX")
    dtype, ome = np.dtype(np.float32), _is_ome(path)
    with written_whole(path, overwrite=overwrite) as partial:
        write_tiff(partial, confidence, dtype, places, name=name, axes="YX", ome=ome)


def write_picture(
    path: str | Path, picture: NDArray[Any], *, overwrite: bool = False
) -> None:
    """Write a picture, (Y, X) or (Y, X, 3) of uint8, as a PNG file.

    Raises InputError if the file exists or cannot be written.
    """
    content = _encode_png(picture)
    write_atomically(path, content, suffixes=(".png",), overwrite=overwrite)


def _is_ome(path: Path) -> bool:
    by_name = find_format(path.name)
    return by_name is not None and by_name.name == "ome.tif"


def _places(
    source: ImageFile | None,
    axes: str,
    pixel_sizes: Sequence[PixelSize | None] = (),
    positions: Sequence[PixelSize | None] = (),
) -> Places:
    if source is None:
        unknown = Places.unknown(len(axes))
        return Places(
            tuple(pixel_sizes) or unknown.sizes, tuple(positions) or unknown.positions
        )
    found = []
    for values in (source.pixel_sizes, source.positions):
        known = dict(zip(source.axes, values, strict=False))
        found.append(tuple(known.get(a) for a in axes))
    return Places(*found)


def _encode_png(picture: NDArray[Any], **details: Any) -> bytes:
    content: bytes = iio.imwrite(
        "<bytes>", picture, plugin="pillow", extension=".png", **details
    )
    return content

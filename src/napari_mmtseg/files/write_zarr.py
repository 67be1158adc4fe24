"""Labels as OME-Zarr: a pyramid in a ``labels`` group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError, import_extra
from napari_mmtseg.files.atomic import check_output, written_whole
from napari_mmtseg.files.outlines import ObjectClasses
from napari_mmtseg.files.pixel_size import TIMES, UNITS, Places, in_one_unit
from napari_mmtseg.files.provenance import KEY, LABEL_GROUP, Provenance
from napari_mmtseg.files.read_zarr import is_zarr

_CHUNK = 1024
_SMALLEST = 256
"""Side in pixels at which the pyramid ends."""


def check_zarr_output(path: str | Path, *, overwrite: bool = False) -> Path:
    """Raise InputError if a zarr folder could not be written, before any work is done.

    An existing zarr may be replaced, other folders never.
    """
    path = Path(path)
    if path.is_dir() and not is_zarr(path):
        raise InputError(
            f"{path} is a folder, but not a zarr, and is left as it is. Give another "
            "name that ends in .zarr."
        )
    return check_output(path, suffixes=(".zarr",), overwrite=overwrite, folders=True)


def write_zarr_labels(
    path: str | Path,
    labels: NDArray[Any],
    axes: str,
    places: Places,
    overwrite: bool = False,
    classes: ObjectClasses | None = None,
    provenance: Provenance | None = None,
) -> None:
    """Write labels as a group with a pyramid, ``labels/mmtseg`` in an OME-Zarr folder.

    Their axes are in the order T, C, Z, Y, X. Classes become the properties, and their
    colours the colours, of the labels. The format is that of Moore et al.,
    Histochemistry and Cell Biology 160, 2023.
    """
    path = check_zarr_output(path, overwrite=overwrite)
    writer, zarr = import_extra("ome_zarr.writer"), import_extra("zarr")
    from dask import array as dask_array  # comes with ome-zarr

    dtype = np.min_scalar_type(int(labels.max(initial=0)))
    names = UNITS | TIMES
    chunks = [1] * labels.ndim
    chunks[-2:] = [_CHUNK, _CHUNK]
    # Chunk by chunk: labels may lie in a file because they do not fit in memory.
    stored: Any = dask_array.from_array  # has no types
    compact = stored(labels, chunks=tuple(chunks)).astype(dtype)
    with written_whole(path, overwrite=overwrite) as partial:
        group = zarr.open_group(str(partial), mode="w")
        writer.write_labels(
            compact,
            group,
            name=LABEL_GROUP,
            axes=list(axes.lower()),
            axes_units={
                a.lower(): names[size.unit].name
                for a, size in zip(axes, places.sizes, strict=True)
                if size is not None and size.unit in names
            },
            scale={
                a.lower(): 1.0 if size is None else size.size
                for a, size in zip(axes, places.sizes, strict=True)
            },
            scale_factors=_factors(labels.shape),
        )
        made = group["labels"][LABEL_GROUP]
        _write_translation(made, places)
        if classes is not None:
            describe_labels(made, labels, classes)
        if provenance is not None:
            made.attrs[KEY] = provenance.to_json()


def describe_labels(group: Any, labels: NDArray[Any], classes: ObjectClasses) -> None:
    """Put class and colour of every label into the metadata of its zarr group."""
    planes = (np.unique(labels[i]).tolist() for i in np.ndindex(*labels.shape[:-2]))
    values = sorted({int(v) for plane in planes for v in plane if v})
    styles = [(v, style) for v in values if (style := classes.style(v)) is not None]
    attributes = dict(group.attrs)
    owner = attributes.get("ome", attributes)  # since version 0.5
    owner["image-label"] = {
        **owner.get("image-label", {}),
        "properties": [{"label-value": v, "class": s.name} for v, s in styles],
        "colors": [
            {"label-value": v, "rgba": [*map(int, s.color), 255]}
            for v, s in styles
            if s.color is not None
        ],
    }
    group.attrs.update(attributes)


def _write_translation(group: Any, places: Places) -> None:
    """Add the position of the first pixel to all levels, in the units of the sizes."""
    shift = []
    for size, place in zip(*places, strict=True):
        both = in_one_unit(place, size) if size is not None else None
        shift.append(both[0].size if both else place.size if place else 0.0)
    if not any(shift):
        return
    attributes = dict(group.attrs)
    described = attributes.get("ome", attributes)
    levels = described["multiscales"][0]["datasets"]
    finest = levels[0]["coordinateTransformations"][0]["scale"]
    for level in levels:
        scale, *_ = level["coordinateTransformations"]
        # The middle of a coarser first pixel lies farther inside.
        middles = [
            at + (step - fine) / 2
            for at, step, fine in zip(shift, scale["scale"], finest, strict=True)
        ]
        level["coordinateTransformations"] = [
            scale,
            {"type": "translation", "translation": middles},
        ]
    group.attrs.update(attributes)


def _factors(shape: tuple[int, ...]) -> list[int]:
    factors: list[int] = []
    while max(shape[-2:]) // 2 ** len(factors) > _SMALLEST:
        factors.append(2 ** (len(factors) + 1))
    return factors

"""Measurements of the objects of an image file, in its unit and by its channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.files.read import ImageFile
from napari_mmtseg.files.write_table import write_table
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.objects.measure import ObjectTable, measure

_COLOURS: tuple[str, ...] = ("red", "green", "blue", "alpha")


def measure_file(
    labels: Any,
    labels_axes: str,
    image: ImageFile | None,
    *,
    place: ImageFile | None = None,
    classes: NDArray[Any] | None = None,
    volumes: bool = False,
) -> ObjectTable:
    """Measure objects on all channels of an image file.

    The pixel size is that of `place`, by default the image. Raises InputError as
    :func:`measure` does.
    """
    place = place or image
    spacing = None if place is None else place.spacing
    unit = "pixels" if spacing is None or place is None else place.unit
    return measure(
        labels,
        None if image is None else channels_of(image),
        classes=classes,
        axes=labels_axes,
        volumes=volumes and labels_axes.endswith("ZYX"),
        spacing=spacing,
        unit=unit,
    )


def channels_of(image: ImageFile) -> dict[str, Any]:
    """Return the channels of an image by name, none of them read."""
    axis = image.channel_axis
    if axis is None and "S" in image.axes:
        axis, names = image.axes.index("S"), _COLOURS
    elif axis is None:
        return {"intensity": image.array}
    else:
        picked = image.picked and image.picked.numbers
        numbers = picked or range(image.array.shape[axis])
        names = tuple(f"channel_{i + 1}" for i in numbers)
    n = min(image.array.shape[axis], 3 if names is _COLOURS else len(names))
    return {names[i]: _taken(image.array, axis, i) for i in range(n)}


def _taken(array: Any, axis: int, i: int) -> Any:
    index: tuple[int | slice, ...] = (*(slice(None),) * axis, i)
    index += (slice(None),) * (array.ndim - axis - 1)
    return array[index] if isinstance(array, np.ndarray) else ArrayPart(array, index)


def write_measurements(
    path: str | Path, table: ObjectTable, *, overwrite: bool = False
) -> None:
    """Write a table of objects as CSV, with units in the header."""
    write_table(path, table.header, table.rows(), overwrite=overwrite)

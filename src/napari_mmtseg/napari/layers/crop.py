"""Crop of an image: the part that the viewer shows, or that a shape encloses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari.layers import Image, Shapes
from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import MIN_SIZE
from napari_mmtseg.napari.layers.axes import finest_level, parse_layer_axes
from napari_mmtseg.napari.layers.pixel_measure import Units, change_units, pixel_at

if TYPE_CHECKING:
    from napari.components import ViewerModel

Crop = tuple[slice, slice]

_ROUNDING = 1e-6


def viewport_crop(layer: Image, axes: str, viewer: ViewerModel) -> Crop:
    """Return the part of an image, in Y and X, that the viewer shows.

    Raises InputError if that is too little, or the viewer does not show Y and X in 2D.
    """
    names = parse_layer_axes(axes, layer)
    dims = viewer.dims
    offset = dims.ndim - layer.ndim
    shown = {int(axis) - offset for axis in dims.displayed}
    if dims.ndisplay != 2 or shown != {names.index("Y"), names.index("X")}:
        raise InputError(
            "The view is an area only where the viewer shows Y and X of the image "
            "in 2D. Change the view, or choose another area."
        )
    return crop_around(layer, names, _viewport_corners(viewer, layer), "The view")


def shape_crop(layer: Image, axes: str, shapes: Shapes, units: Units = None) -> Crop:
    """Return the part of an image around a shape: the selected one, or the first.

    It consists of the pixels whose centres lie in the box around the shape; of centres
    on its border those at its start. The last axes of the Shapes layer are those of the
    image; `units` are ``viewer.dims.units``, in which both are shown. Raises InputError
    if there is no shape, or it encloses too little of the image.
    """
    names = parse_layer_axes(axes, layer)
    if not len(shapes.data):
        raise InputError(
            f"There is no shape in “{shapes.name}”. Draw a rectangle around what is to "
            "be segmented."
        )
    corners = []
    for vertex in shapes.data[min(shapes.selected_data, default=0)]:
        point = change_units(shapes.data_to_world(vertex), shapes.units, units)
        corners.append(pixel_at(layer, point, units))
    return crop_around(layer, names, np.array(corners), f"The shape in “{shapes.name}”")


def _viewport_corners(viewer: ViewerModel, layer: Image) -> NDArray[np.float64]:
    canvas: Any = getattr(viewer, "canvas", None)
    if canvas is None:  # before napari 0.9, which gives no size of the canvas
        corners = np.asarray(layer.corner_pixels, float)
        if layer.multiscale:
            corners = corners * layer.downsample_factors[layer.data_level]
        return np.asarray(corners + np.array([[-0.5], [0.5]]), np.float64)
    camera = viewer.scene.camera
    middle = np.array(camera.center[-2:], float)
    half = np.array(canvas.viewbox_size(viewer.layers), float) / camera.zoom / 2
    point = np.array(viewer.dims.point, float)
    points = []
    for corner in product(*zip(middle - half, middle + half, strict=True)):
        point[list(viewer.dims.displayed)] = corner
        points.append(pixel_at(layer, point, viewer.dims.units))
    return np.array(points)


def crop_around(
    layer: Image, names: Sequence[str], corners: NDArray[np.float64], what: str
) -> Crop:
    """Return the pixels of an image whose centres lie in the box around corners.

    Raises InputError, with `what` for its subject, if these are too few.
    """
    shape = finest_level(layer).shape
    # A pixel belongs to it if its centre does, rounding errors aside.
    first, last = (np.ceil(f(axis=0) - _ROUNDING) for f in (corners.min, corners.max))
    slices = []
    for axis in (names.index("Y"), names.index("X")):
        start, stop = (int(np.clip(v[axis], 0, shape[axis])) for v in (first, last))
        slices.append(slice(start, stop))
    if min(s.stop - s.start for s in slices) < MIN_SIZE:
        sides = " x ".join(str(max(s.stop - s.start, 0)) for s in slices)
        raise InputError(
            f"{what} encloses {sides} pixels of “{layer.name}”; at least {MIN_SIZE} x "
            f"{MIN_SIZE} are needed."
        )
    return slices[0], slices[1]

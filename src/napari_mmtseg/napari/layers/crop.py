"""Which part of an image the viewer shows, or a shape encloses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari.layers import Image, Shapes
from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import MIN_SIZE
from napari_mmtseg.napari.layers.axes import finest_level, parse_layer_axes
from napari_mmtseg.napari.layers.pixel_measure import Units, change_units

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["shape_region", "viewport_region"]

Region = tuple[slice, slice]

_ROUNDING = 1e-6


def viewport_region(layer: Image, axes: str, viewer: ViewerModel) -> Region:
    """Return the part of an image that the viewer shows.

    Parameters
    ----------
    layer : napari.layers.Image
        The layer of the image.
    axes : str
        As for :func:`choose_source`.
    viewer : napari.Viewer
        In 2D, with Y and X of the image displayed.

    Returns
    -------
    (slice, slice)
        In Y and X, with start and stop.

    Raises
    ------
    InputError
        If the viewer shows something else, or too little of the image.
    """
    names = parse_layer_axes(axes, layer)
    dims = viewer.dims
    offset = dims.ndim - layer.ndim
    shown = {int(axis) - offset for axis in dims.displayed}
    if dims.ndisplay != 2 or shown != {names.index("Y"), names.index("X")}:
        raise InputError(
            "The viewport is a region only where the viewer shows Y and X of the image "
            "in 2D. Change the view, or choose another region."
        )
    corners = _viewport_corners(viewer, layer)
    return _region(layer, names, corners, "The viewport")


def shape_region(
    layer: Image, axes: str, shapes: Shapes, units: Units = None
) -> Region:
    """Return the part of an image around a shape: the selected one, or the first.

    Parameters
    ----------
    layer : napari.layers.Image
        The layer of the image.
    axes : str
        As for :func:`choose_source`.
    shapes : napari.layers.Shapes
        Wherever it lies, its last axes are those of the image.
    units : sequence of pint.Unit, optional
        ``viewer.dims.units``, in which shapes and image are shown together.

    Returns
    -------
    (slice, slice)
        In Y and X, with start and stop: the pixels whose centres lie in the box around
        the shape; of centres on its border those at its start.

    Raises
    ------
    InputError
        If there is no shape, or it encloses too little of the image.
    """
    names = parse_layer_axes(axes, layer)
    if not len(shapes.data):
        raise InputError(
            f"There is no shape in “{shapes.name}”. Draw a rectangle around what is to "
            "be segmented."
        )
    chosen = min(shapes.selected_data, default=0)
    world = [
        change_units(shapes.data_to_world(vertex), shapes.units, units)
        for vertex in shapes.data[chosen]
    ]
    corners = np.array([_to_pixels(layer, point, units) for point in world])
    return _region(layer, names, corners, f"The shape in “{shapes.name}”")


def _to_pixels(layer: Image, point: ArrayLike, units: Units) -> NDArray[np.float64]:
    """Return the pixel at a point that may have fewer axes than the image."""
    given = change_units(point, units, layer.units)
    world = np.zeros(max(layer.ndim, len(given)))
    world[len(world) - len(given) :] = given
    return np.asarray(layer.world_to_data(world), float)


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
        points.append(_to_pixels(layer, point, viewer.dims.units))
    return np.array(points)


def _region(
    layer: Image, names: Sequence[str], corners: NDArray[np.float64], what: str
) -> Region:
    shape = finest_level(layer).shape
    # A pixel belongs to it if its centre does; what rounding has moved does not count.
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

"""Move sliders and camera to a place in a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from napari_mmtseg.napari.layers.pixel_measure import change_units

if TYPE_CHECKING:
    from napari.components import ViewerModel


def go_to(viewer: ViewerModel, layer: Labels, place: list[float]) -> None:
    """Move sliders and camera to a pixel of a layer, an index with fractions."""
    dims = viewer.dims
    point = change_units(layer.data_to_world(place), layer.units, dims.units)
    world = [float(x) for x in point]
    offset = dims.ndim - len(world)
    for axis in dims.not_displayed:
        if axis >= offset:
            dims.set_point(axis, world[axis - offset])
    camera = scene(viewer).camera
    center = list(camera.center)
    for i, axis in enumerate(reversed(dims.displayed)):
        if axis >= offset:
            center[len(center) - 1 - i] = world[axis - offset]
    camera.center = tuple(center)


def scene(viewer: ViewerModel) -> Any:
    """Return the owner of the camera: since napari 0.9 not the viewer itself."""
    return getattr(viewer, "scene", viewer)

"""To the largest region of a class: sliders and camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject

from napari.layers import Labels
from napari_mmtseg.labels.editing.table import LargestRegion, largest
from napari_mmtseg.napari.layers.pixel_measure import change_units

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["Navigator", "go_to", "scene"]


class Navigator(QObject):
    """Looks for regions in a thread, one at a time.

    Parameters
    ----------
    viewer : napari.Viewer
        What is moved.
    parent : QObject
        Qt deletes this object with it.
    """

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._worker: Any = None

    @property
    def is_busy(self) -> bool:
        """Whether a region is being looked for."""
        return self._worker is not None

    def visit(
        self, layer: Labels, value: int, index: tuple[slice, ...], n_axes: int | None
    ) -> None:
        """Go to the largest region of a class in a part of a layer."""
        if self._worker is not None:
            return
        data, viewer = layer.data, self._viewer

        def find() -> LargestRegion | None:
            return largest(data[index], value, n_axes)

        def arrive(region: LargestRegion | None) -> None:
            if region is not None and layer in viewer.layers:
                starts = [s.start for s in index]
                place = [c + s for c, s in zip(region.center, starts, strict=True)]
                go_to(viewer, layer, place)

        self._run(find, arrive)

    def _run(self, find: Callable[[], Any], arrive: Callable[[Any], None]) -> None:
        self._worker = create_worker(find, _start_thread=False)
        self._worker.returned.connect(arrive)
        self._worker.finished.connect(self._on_finished)
        self._worker.start()

    def _on_finished(self) -> None:
        self._worker = None


def go_to(viewer: ViewerModel, layer: Labels, place: list[float]) -> None:
    """Move sliders and camera to a place in a layer.

    Parameters
    ----------
    viewer : napari.Viewer
        What is moved.
    layer : napari.layers.Labels
        Whose place it is.
    place : list of float
        Index of a pixel, with fractions.
    """
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
    """Return what has the camera: since napari 0.9 not the viewer itself."""
    return getattr(viewer, "scene", viewer)

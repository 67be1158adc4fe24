"""A line drawn across an object in the image, and clicks on objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari.layers import Labels, Shapes
from napari_mmtseg.napari.edit.picking import STILL, pixel_under
from napari_mmtseg.napari.layers.aids import add_aid
from napari_mmtseg.napari.layers.navigation import scene
from napari_mmtseg.napari.layers.pixel_measure import pixel_at
from napari_mmtseg.napari.layers.placement import spatial_attributes

if TYPE_CHECKING:
    from napari.components import ViewerModel

_PAN = "pan_zoom"


class LineDrawer(QObject):
    """Reports lines that are drawn over a layer, and clicks on it, while it is on.

    The camera stays meanwhile. `drawn` emits the points (y, x) in pixels, and the index
    of the slice; `clicked` the index of a pixel; `ended` that the user has taken a
    brush.
    """

    drawn = Signal(object, object)
    clicked = Signal(object)
    ended = Signal()

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Labels | None = None
        self._could_pan = True

    def start(self, layer: Labels) -> None:
        """Start reporting lines on a layer."""
        self.stop()
        self._layer = layer
        layer.mode = _PAN
        layer.events.mode.connect(self._on_mode)
        self._could_pan = scene(self._viewer).camera.mouse_pan
        scene(self._viewer).camera.mouse_pan = False
        self._viewer.mouse_drag_callbacks.append(self._on_press)

    def stop(self) -> None:
        """Stop reporting lines, and let the camera move again."""
        layer, self._layer = self._layer, None
        if layer is not None:
            layer.events.mode.disconnect(self._on_mode)
            scene(self._viewer).camera.mouse_pan = self._could_pan
            self._viewer.mouse_drag_callbacks.remove(self._on_press)

    def _on_press(self, _: Any, event: Any) -> Iterator[None]:
        layer = self._layer
        if layer is None or event.button != 1 or len(event.dims_displayed) != 2:
            return
        units = self._viewer.dims.units
        displayed = event.dims_displayed
        pixel = pixel_under(layer, event.position, None, displayed, units)
        points = [self._pixel(layer, event.position)]
        start, is_drawn = np.array(event.pos), False
        shown = self._shown(layer, points[0])
        # The new layer was active for a moment, and let the camera move again.
        scene(self._viewer).camera.mouse_pan = False
        yield
        while True:  # a fast hand lets go beyond its last move
            is_drawn |= bool(np.abs(event.pos - start).max() > STILL)
            points.append(self._pixel(layer, event.position))
            if event.type != "mouse_move":
                break
            shown.data = [np.array([points[0], *points[-1:]])]
            yield
        if shown in self._viewer.layers:
            self._viewer.layers.remove(shown)
        if self._layer != layer:
            return
        if is_drawn:
            self.drawn.emit([p[-2:] for p in points], np.round(points[0][:-2]))
        elif pixel is not None:
            self.clicked.emit(pixel)

    def _pixel(self, layer: Labels, position: Any) -> Any:
        return pixel_at(layer, position, self._viewer.dims.units)

    def _shown(self, layer: Labels, point: Any) -> Shapes:
        """Show the line that is being drawn, in a layer that goes with it."""
        shown = Shapes(
            [np.array([point, point])],
            shape_type="path",
            edge_width=2,
            edge_color="yellow",
            name="Line",
            **spatial_attributes(layer),
        )
        add_aid(self._viewer, shown)
        return shown

    def _on_mode(self, _: Any = None) -> None:
        if self._layer is not None and self._layer.mode != _PAN:
            self.stop()
            self.ended.emit()

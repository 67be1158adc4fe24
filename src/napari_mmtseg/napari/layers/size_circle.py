"""A circle of the size of an object, on the image for a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari.layers import Labels, Shapes
from napari_mmtseg.napari.layers.aids import add_aid
from napari_mmtseg.napari.layers.navigation import scene
from napari_mmtseg.napari.layers.pixel_measure import pixel_at
from napari_mmtseg.napari.layers.placement import spatial_attributes

if TYPE_CHECKING:
    from napari.components import ViewerModel

_SECONDS = 2.5
_COLOUR = "yellow"


class SizeCircle(QObject):
    """Shows a diameter in the middle of the view, in a layer that goes by itself."""

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.layer: Shapes | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(int(1000 * _SECONDS))
        self._timer.timeout.connect(self.remove)

    def show(self, labels: Labels | None, diameter: float) -> None:
        """Show a diameter, in pixels along X, over a layer; nothing if it is 0."""
        self.remove()
        layers = self._viewer.layers
        if labels is None or labels not in layers or diameter <= 0:
            return
        if self._viewer.dims.ndisplay != 2:
            return
        self.layer = Shapes(
            [self._ellipse(labels, diameter)],
            shape_type="ellipse",
            face_color="transparent",
            edge_color=_COLOUR,
            edge_width=max(diameter / 20, 0.5),
            name="Object size",
            **spatial_attributes(labels),
        )
        add_aid(self._viewer, self.layer)
        self._timer.start()

    def remove(self) -> None:
        """Take the circle out of the viewer."""
        self._timer.stop()
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _ellipse(self, labels: Labels, diameter: float) -> np.ndarray:
        """Return the corners around a circle, in pixels."""
        dims = self._viewer.dims
        world = np.array(dims.point, float)
        center = scene(self._viewer).camera.center
        for axis, value in zip(dims.displayed[-2:], center[-2:], strict=True):
            world[axis] = value
        middle = pixel_at(labels, world, dims.units)
        # Equal lengths in the world, if pixels are not square.
        scale = np.abs(np.asarray(labels.scale[-2:], float))
        half = diameter / 2 * scale[-1] / scale
        corners = np.tile(middle, (4, 1))
        corners[:, -2] += np.array([-1, -1, 1, 1]) * half[0]
        corners[:, -1] += np.array([-1, 1, 1, -1]) * half[1]
        return corners

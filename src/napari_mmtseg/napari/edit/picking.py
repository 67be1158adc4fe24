"""Choosing classes by clicking in the image, and showing one class alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari.layers import Labels
from napari_mmtseg.napari.layers.pixel_measure import Units, change_units, pixel_at

if TYPE_CHECKING:
    from napari.components import ViewerModel

_PAN = "pan_zoom"
STILL = 4
"""Distance in pixels of the screen above which a click is a drag."""


class Picker(QObject):
    """Reports clicks on the classes of a layer, while it is on.

    Drags still move the camera. Painting and picking exclude each other: the layer goes
    to pan and zoom when picking starts, and when the user takes a brush, picking ends,
    and `ended` is emitted. `picked` emits a label and the index of the pixel.
    """

    picked = Signal(object, object)
    ended = Signal()

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Labels | None = None
        self._mode_before = _PAN

    def start(self, layer: Labels) -> None:
        """Start reporting clicks on a layer."""
        self.stop()
        self._layer = layer
        self._mode_before = str(layer.mode)
        layer.mode = _PAN
        layer.events.mode.connect(self._on_mode)
        self._viewer.mouse_drag_callbacks.append(self._on_press)

    def stop(self) -> None:
        """Stop reporting clicks, and give the layer its tool back."""
        layer, self._layer = self._layer, None
        if layer is None:
            return
        layer.events.mode.disconnect(self._on_mode)
        self._viewer.mouse_drag_callbacks.remove(self._on_press)
        if layer.mode == _PAN and layer.editable:
            layer.mode = self._mode_before

    def _on_press(self, _: Any, event: Any) -> Iterator[None]:
        layer = self._layer
        if layer is None or event.button != 1 or event.modifiers:
            return
        pixel = pixel_under(
            layer,
            event.position,
            event.view_direction,
            event.dims_displayed,
            self._viewer.dims.units,
        )
        start, farthest = np.array(event.pos), 0.0
        yield
        while event.type == "mouse_move":
            farthest = max(farthest, float(np.abs(event.pos - start).max()))
            yield
        if farthest > STILL:
            return
        if pixel is not None and self._layer == layer:
            self.picked.emit(int(layer.data[pixel]), pixel)

    def _on_mode(self, _: Any = None) -> None:
        if self._layer is not None and self._layer.mode != _PAN:
            self.stop()
            self.ended.emit()


def pixel_under(
    layer: Labels,
    position: Any,
    view_direction: Any,
    dims_displayed: Any,
    units: Units = None,
) -> tuple[int, ...] | None:
    """Return the index of the pixel at a position, or None outside the layer.

    The position is that of a mouse event, in `units`, which are ``viewer.dims.units``.
    In 3D the first pixel that is not background counts.
    """
    if len(dims_displayed) < 3 or layer.ndim < 3:
        start = stop = pixel_at(layer, position, units)
    else:
        position = change_units(position, units, layer.units)
        direction = change_units(view_direction, units, layer.units)
        found = layer.get_ray_intersections(
            position, direction, dims_displayed, world=True
        )
        if found[0] is None or found[1] is None:
            return None
        start, stop = (np.asarray(end, float) for end in found)
    n = int(np.ceil(2 * np.abs(stop - start).max())) + 1
    pixels = np.round(np.linspace(start, stop, n)).astype(int)
    inside = ((pixels >= 0) & (pixels < layer.data.shape)).all(axis=1)
    pixels = pixels[inside]
    if not len(pixels):
        return None
    shown = np.flatnonzero(layer.data[tuple(pixels.T)])
    return tuple(int(i) for i in pixels[shown[0] if len(shown) else 0])


class Highlight:
    """Shows the selected label of a layer alone, until it is stopped."""

    def __init__(self) -> None:
        self._layer: Labels | None = None
        self._before = False

    def start(self, layer: Labels) -> None:
        """Show the selected label alone."""
        self.stop()
        self._layer, self._before = layer, bool(layer.show_selected_label)
        layer.show_selected_label = True

    def stop(self) -> None:
        """Show all labels that were shown before."""
        layer, self._layer = self._layer, None
        if layer is not None:
            layer.show_selected_label = self._before

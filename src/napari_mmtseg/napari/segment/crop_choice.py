"""Choice of a part of the slices: all, the viewport, or the box around a shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari.layers import Image, Shapes
from napari_mmtseg.napari.layers.crop import shape_crop, viewport_crop
from napari_mmtseg.napari.layers.navigation import scene
from napari_mmtseg.napari.segment.choice_box import ChoiceBox
from napari_mmtseg.napari.shared.layer_choice import PLACE_EVENTS, LayerWatch

if TYPE_CHECKING:
    from napari.components import ViewerModel

_WHOLE, _VIEWPORT = "whole image", "viewport"
_PAUSE = 200
"""Milliseconds without a movement until the viewport is looked at again."""


class CropChoice:
    """A box for the crop: whole image, viewport or a Shapes layer.

    `changed` is emitted when another crop is chosen or the chosen one has changed.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        events = ("data", *PLACE_EVENTS)
        self._watch = LayerWatch(dict.fromkeys(events, self._on_shape))
        self._selection: Any = None
        self._choice = ChoiceBox(viewer, self._offer)
        self.box, self.choose = self._choice.box, self._choice.choose
        self._timer = QTimer(self.box)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._on_change)
        self._choice.changed.connect(self._on_choice)
        for event in (scene(viewer).camera.events, viewer.dims.events.ndisplay):
            event.connect(self._on_view)

    @property
    def shapes(self) -> Shapes | None:
        """The chosen Shapes layer."""
        value = self._choice.value
        return None if value in (_WHOLE, _VIEWPORT) else value

    def crop(self, layer: Image, axes: str) -> tuple[slice, slice] | None:
        """Return the crop in Y and X, None for all; raise InputError if too small."""
        if self.shapes is not None:
            return shape_crop(layer, axes, self.shapes, self._viewer.dims.units)
        if self._choice.value == _VIEWPORT:
            return viewport_crop(layer, axes, self._viewer)
        return None

    def _offer(self) -> list[tuple[str, Any]]:
        shapes = [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]
        named = [(f"shape in {layer.name}", layer) for layer in shapes]
        return [(_WHOLE, _WHOLE), (_VIEWPORT, _VIEWPORT), *named]

    def _on_choice(self) -> None:
        shapes = self.shapes
        self._watch.follow(shapes)
        if self._selection is not None:
            self._selection.items_changed.disconnect(self._on_shape)
        self._selection = None if shapes is None else shapes.selected_data.events
        if self._selection is not None:
            self._selection.items_changed.connect(self._on_shape)
        self._on_change()

    def _on_shape(self, _: Any = None) -> None:
        self._timer.start()

    def _on_view(self, _: Any = None) -> None:
        if self._choice.value == _VIEWPORT:
            self._timer.start()

    def _on_change(self) -> None:
        self.changed.emit()

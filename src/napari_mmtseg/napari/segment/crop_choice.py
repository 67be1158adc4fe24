"""Choice of a part of the slices: all, the viewport, or the box around a shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox

from napari.layers import Image, Shapes
from napari_mmtseg.napari.layers.crop import shape_crop, viewport_crop
from napari_mmtseg.napari.layers.navigation import scene
from napari_mmtseg.napari.shared.layer_choice import (
    PLACE_EVENTS,
    LayerWatch,
    keep_narrow,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["CropChoice"]

_WHOLE, _VIEWPORT = "whole image", "viewport"
_PAUSE = 200
"""Milliseconds without a movement until the viewport is looked at again."""


class CropChoice:
    """The choice of a crop.

    Parameters
    ----------
    viewer : napari.Viewer
        Its viewport and Shapes layers are offered.

    Attributes
    ----------
    changed : Signal
        Emitted when another crop is chosen, or the chosen one has changed.
    box : QComboBox
        The whole image, the viewport, and the Shapes layers.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._shapes: list[Shapes] = []
        events = ("data", *PLACE_EVENTS)
        self._watch = LayerWatch(dict.fromkeys(events, self._on_shape))
        self._selection: Any = None
        self.box = QComboBox()
        keep_narrow(self.box)
        self._timer = QTimer(self.box)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._on_change)
        self.box.currentIndexChanged.connect(self._on_choice)
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered):
            event.connect(self._refresh)
        events.renamed.connect(self._refresh)
        for event in (scene(viewer).camera.events, viewer.dims.events.ndisplay):
            event.connect(self._on_view)
        self._refresh()

    @property
    def shapes(self) -> Shapes | None:
        """The chosen Shapes layer."""
        place = self.box.currentIndex() - 2
        return self._shapes[place] if 0 <= place < len(self._shapes) else None

    def choose(self, what: Shapes | str) -> None:
        """Choose a Shapes layer, or "whole image" or "viewport"."""
        if isinstance(what, Shapes):
            self.box.setCurrentIndex(2 + self._shapes.index(what))
        else:
            self.box.setCurrentText(what)

    def crop(self, layer: Image, axes: str) -> tuple[slice, slice] | None:
        """Return the crop of a layer in Y and X; None for all.

        Raises
        ------
        InputError
            If the viewport or the shape encloses nothing that can be segmented.
        """
        if self.shapes is not None:
            return shape_crop(layer, axes, self.shapes, self._viewer.dims.units)
        if self.box.currentText() == _VIEWPORT:
            return viewport_crop(layer, axes, self._viewer)
        return None

    def _refresh(self, _: Any = None) -> None:
        chosen, place = self.shapes, self.box.currentIndex()
        self._shapes = [la for la in self._viewer.layers if isinstance(la, Shapes)]
        texts = [_WHOLE, _VIEWPORT, *(f"shape in {la.name}" for la in self._shapes)]
        if chosen in self._shapes:
            place = 2 + self._shapes.index(chosen)
        gone = chosen is not None and chosen not in self._shapes
        self.box.blockSignals(True)
        self.box.clear()
        self.box.addItems(texts)
        self.box.setCurrentIndex(0 if gone else max(place, 0))
        self.box.blockSignals(False)
        if gone:
            self._on_choice()

    def _on_choice(self, _: Any = None) -> None:
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
        if self.box.currentText() == _VIEWPORT:
            self._timer.start()

    def _on_change(self) -> None:
        self.changed.emit()

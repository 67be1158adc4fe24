"""Choices that follow the layers of a viewer: the crop, and the scribbles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QWidget

from napari.layers import Image, Labels, Shapes
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.aids import is_aid
from napari_mmtseg.napari.layers.crop import shape_crop, viewport_crop
from napari_mmtseg.napari.layers.navigation import scene
from napari_mmtseg.napari.layers.result import result_of
from napari_mmtseg.napari.layers.scribbles import LayerScribbles, choose_scribbles
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.shared.layer_choice import (
    PLACE_EVENTS,
    LayerWatch,
    keep_narrow,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel


class ChoiceBox:
    """A choice among values, the first one by default.

    `offer` returns the text and value of each entry and is asked again when layers
    change. `changed` is emitted when another value is chosen or the chosen one is gone.
    """

    changed = Signal()

    def __init__(
        self, viewer: ViewerModel, offer: Callable[[], list[tuple[str, Any]]]
    ) -> None:
        self._offer = offer
        self._values: list[Any] = []
        self.box = QComboBox()
        keep_narrow(self.box)
        self.refresh()
        self.box.currentIndexChanged.connect(self._on_change)
        events = viewer.layers.events
        for name in ("inserted", "removed", "reordered", "renamed"):
            getattr(events, name).connect(self.refresh)

    @property
    def value(self) -> Any:
        """The chosen value."""
        return self._values[self.box.currentIndex()] if self._values else None

    def choose(self, value: Any) -> None:
        """Choose a value if it is offered."""
        if value in self._values:
            self.box.setCurrentIndex(self._values.index(value))

    def refresh(self, _: Any = None) -> None:
        """Renew the entries; the chosen one stays if it is still offered."""
        chosen, entries = self.value, self._offer()
        self._values = [value for _, value in entries]
        stays = chosen in self._values
        self.box.blockSignals(True)
        self.box.clear()
        self.box.addItems([text for text, _ in entries])
        self.box.setCurrentIndex(self._values.index(chosen) if stays else 0)
        self.box.blockSignals(False)
        if not stays:
            self.changed.emit()

    def _on_change(self, _: int) -> None:
        self.changed.emit()


_WHOLE, _VIEWPORT = "whole image", "view"
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


@dataclass(frozen=True)
class _Scribbled:
    layer: Labels
    edits: bool


class ScribbleChoice:
    """The choice of scribbles: their layer, and whether other slices count.

    `changed` is emitted when another layer is chosen.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._choice = ChoiceBox(viewer, self._offer)
        self.box, self.refresh = self._choice.box, self._choice.refresh
        self.changed = self._choice.changed
        self.all_slices = QCheckBox("all slices")
        self.all_slices.setToolTip("Learn from what is painted on other slices, too")
        self.row = QWidget()
        layout = QHBoxLayout(self.row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box, 1)
        layout.addWidget(self.all_slices)

    @property
    def layer(self) -> Labels | None:
        """The chosen layer."""
        choice = self._choice.value
        return None if choice is None else choice.layer

    @property
    def is_edits(self) -> bool:
        """Whether only the edits of a result count."""
        choice = self._choice.value
        return choice is not None and choice.edits

    @property
    def learns_elsewhere(self) -> bool:
        """Whether other slices are learned from as well."""
        return self.all_slices.isChecked() and not self.all_slices.isHidden()

    def choose(self, layer: Labels | None, *, edits: bool = False) -> None:
        """Choose a layer, or none."""
        self._choice.choose(None if layer is None else _Scribbled(layer, edits))

    def scribbles(self, source: LayerSelection) -> LayerScribbles | None:
        """Return the scribbles on an image; raise InputError if they cannot be used."""
        choice = self._choice.value
        if choice is None:
            return None
        labels: Any = choice.layer.data
        if choice.layer.multiscale:
            labels = labels[0]
        name = choice.layer.name
        if choice.edits:
            result = result_of(choice.layer)
            if result is None or not result.can_show(labels):
                raise InputError(
                    f"“{name}” is not a result any more. Choose other scribbles."
                )
            labels = result.class_count(labels).edits(labels)
            if not labels.any():
                raise InputError(
                    f"“{name}” has not been edited. Paint what is wrong with the label "
                    "that it should have, or choose no scribbles."
                )
        scribbles = choose_scribbles(
            name, labels, source, all_slices=self.learns_elsewhere
        )
        if choice.edits:
            assert result is not None
            data = choice.layer.data
            erased = result.class_count(data).erased(data)
            erased = np.reshape(erased, scribbles.painted.shape)
            scribbles = replace(scribbles, erased=erased)
        return scribbles

    def show_slices(self, source: LayerSelection | None) -> None:
        """Offer other slices if there are any."""
        # Of large slices only what is chosen is read.
        other = source is not None and bool(source.slices) and source.is_one_image
        self.all_slices.setVisible(other)

    def _offer(self) -> list[tuple[str, Any]]:
        layers = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Labels) and not is_aid(layer)
        ]
        painted = [(la.name, _Scribbled(la, False)) for la in layers]
        edited = [
            (f"edits of {la.name}", _Scribbled(la, True))
            for la in layers
            if (result := result_of(la)) is not None and result.class_counts
        ]
        return [("none", None), *painted, *edited]

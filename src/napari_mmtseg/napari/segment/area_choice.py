"""Choice of the area: whole image, view, shapes, or painted labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from magicgui.widgets import FloatSpinBox
from psygnal import Signal
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari.layers import Image, Labels, Shapes
from napari_mmtseg.napari.layers.aids import is_aid
from napari_mmtseg.napari.layers.area import Area, area_of_shapes
from napari_mmtseg.napari.layers.crop import shape_crop, viewport_crop
from napari_mmtseg.napari.layers.label_area import area_of_labels
from napari_mmtseg.napari.layers.navigation import scene
from napari_mmtseg.napari.layers.source import LayerSelection, choose_source
from napari_mmtseg.napari.segment.choices import ChoiceBox
from napari_mmtseg.napari.shared.layer_choice import PLACE_EVENTS, LayerWatch
from napari_mmtseg.napari.shared.number_field import read_as_shown

if TYPE_CHECKING:
    from napari.components import ViewerModel

_PAUSE = 200
"""Milliseconds without a movement until view, shapes or labels are looked at again."""

_MOST = 2**31 - 1


@dataclass(frozen=True)
class _Kind:
    """An entry: "whole", "view", "box", "inside" or "outside", the last of a layer."""

    name: str
    layer: Shapes | Labels | None = None


class AreaChoice:
    """Fields for the area: `field`, and `label` where that is of a Labels layer.

    `row` holds both. `changed` is emitted when another area is chosen or the chosen one
    has changed.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._shapes = LayerWatch(dict.fromkeys(("data", *PLACE_EVENTS), self._on_move))
        events = ("data", "paint", "labels_update", *PLACE_EVENTS)
        self._labels = LayerWatch(dict.fromkeys(events, self._on_move))
        self._selection: Any = None
        self._choice = ChoiceBox(viewer, "area", self._offer)
        self.field = self._choice.field
        self.label = FloatSpinBox(name="area_label", value=0, min=0, max=_MOST, step=1)
        self.label.native.setDecimals(0)
        self.label.native.setSpecialValueText("any label")
        read_as_shown(self.label.native)
        self.label.native.setToolTip("Label of the pixels that count")
        self.row = QWidget()
        self._timer = QTimer(self.row)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._on_change)
        self._choice.changed.connect(self._on_choice)
        self.label.changed.connect(self._on_change)
        for event in (scene(viewer).camera.events, viewer.dims.events.ndisplay):
            event.connect(self._on_view)

    def fill_row(self) -> None:
        """Put the fields into their row, out of the container that has taken them."""
        layout = QHBoxLayout(self.row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.field.native, 1)
        layout.addWidget(self.label.native)
        self._on_choice()

    def select(self, layer: Image, axes: str, **which: Any) -> LayerSelection:
        """Return the chosen area of an image as :func:`choose_source` does.

        `which` are its further arguments. Raises InputError if too little lies there.
        """
        kind, units = self._choice.value, self._viewer.dims.units
        crop, area = None, None
        if kind.name == "view":
            crop = viewport_crop(layer, axes, self._viewer)
        elif kind.name == "box":
            crop = shape_crop(layer, axes, kind.layer, units)
        elif kind.name != "whole":
            area = self._area(kind, layer, axes, **which)
        return choose_source(layer, axes, crop=crop, area=area, **which)

    def _area(self, kind: _Kind, layer: Image, axes: str, **which: Any) -> Area:
        is_outside = kind.name == "outside"
        if isinstance(kind.layer, Shapes):
            units = self._viewer.dims.units
            return area_of_shapes(layer, axes, kind.layer, units, is_outside=is_outside)
        assert kind.layer is not None
        whole = choose_source(layer, axes, **which)
        label = int(self.label.value)
        return area_of_labels(whole, kind.layer, label, is_outside=is_outside)

    def _offer(self) -> list[tuple[str, Any]]:
        entries = [("whole image", _Kind("whole")), ("view", _Kind("view"))]
        for layer in self._viewer.layers:
            if isinstance(layer, Shapes | Labels) and not is_aid(layer):
                if isinstance(layer, Shapes):
                    box = _Kind("box", layer)
                    entries.append((f"box around {layer.name}", box))
                entries += [
                    (f"{where} {layer.name}", _Kind(where, layer))
                    for where in ("inside", "outside")
                ]
        return list(entries)

    def _on_choice(self) -> None:
        layer = self._choice.value.layer
        shapes = layer if isinstance(layer, Shapes) else None
        labels = layer if isinstance(layer, Labels) else None
        self._shapes.follow(shapes)
        self._labels.follow(labels)
        self.label.native.setVisible(labels is not None)
        if self._selection is not None:
            self._selection.items_changed.disconnect(self._on_move)
        self._selection = None if shapes is None else shapes.selected_data.events
        if self._selection is not None:
            self._selection.items_changed.connect(self._on_move)
        self._on_change()

    def _on_move(self, _: Any = None) -> None:
        self._timer.start()

    def _on_view(self, _: Any = None) -> None:
        if self._choice.value.name == "view":
            self._timer.start()

    def _on_change(self, _: Any = None) -> None:
        self.changed.emit()

"""Choice of a layer of one kind, which follows the active layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox
from psygnal import Signal

from napari_mmtseg.napari.layers.aids import is_aid
from napari_mmtseg.napari.shared.narrow_box import keep_narrow

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari.layers import Layer


class LayerChoice:
    """A box of layers of one kind, whose value is a layer or None.

    Layers that only show something are not offered.
    `changed` is emitted when the choice, the layers or the active layer may have
    changed.
    """

    changed = Signal()

    def __init__(
        self, viewer: ViewerModel, kind: type[Layer], *, label: str, tooltip: str
    ) -> None:
        self._viewer = viewer
        self._kind = kind
        self.box = ComboBox(
            name=label.lower(), label=label, choices=self._choices, tooltip=tooltip
        )
        keep_narrow(self.box.native)
        self.box.changed.connect(self._on_change)
        for event in self._list_events():
            event.connect(self._on_layers)
        viewer.layers.selection.events.active.connect(self._on_active)
        self._on_layers()
        self._on_active()

    def disconnect(self) -> None:
        """Stop following the viewer."""
        for event in self._list_events():
            event.disconnect(self._on_layers)
        self._viewer.layers.selection.events.active.disconnect(self._on_active)

    def _list_events(self) -> tuple[Any, ...]:
        events = self._viewer.layers.events
        return events.inserted, events.removed, events.reordered, events.renamed

    def _choices(self, _: Any = None) -> list[tuple[str, Layer]]:
        return [
            (layer.name, layer) for layer in self._viewer.layers if self._accepts(layer)
        ]

    def _accepts(self, layer: Layer | None) -> bool:
        return isinstance(layer, self._kind) and not is_aid(layer)

    def _on_layers(self, _: Any = None) -> None:
        self.box.reset_choices()
        self._on_change()

    def _on_active(self, _: Any = None) -> None:
        active = self._viewer.layers.selection.active
        if self._accepts(active):
            self.box.value = active
        self._on_change()

    def _on_change(self, _: Any = None) -> None:
        self.changed.emit()


PLACE_EVENTS = ("scale", "translate", "rotate", "shear", "affine", "units")
"""Events of a layer that change its place."""


class LayerWatch:
    """Connects slots, by names of events, to the events of one layer at a time."""

    def __init__(self, slots: Mapping[str, Callable[..., Any]]) -> None:
        self._slots = dict(slots)
        self._layer: Layer | None = None

    def follow(self, layer: Layer | None) -> None:
        """Follow another layer, or none."""
        if layer == self._layer:
            return
        for name, slot in self._slots.items():
            if self._layer is not None:
                getattr(self._layer.events, name).disconnect(slot)
            if layer is not None:
                getattr(layer.events, name).connect(slot)
        self._layer = layer

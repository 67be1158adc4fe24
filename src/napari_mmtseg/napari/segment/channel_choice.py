"""Check boxes for the channels of the chosen image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari.layers import Image
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.axes import parse_layer_axes
from napari_mmtseg.napari.layers.channels import (
    Channel,
    axis_channels,
    layer_channels,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel

_MOST = 16
"""Number of channels of one layer that have a box; of more all are taken."""


class ChannelChoice:
    """Boxes for the channels of a layer, or for layers that lie on it.

    Layers that are selected together are checked; all channels of one layer are.
    `changed` is emitted when other boxes are checked.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.widget = QWidget()
        self._layout = QVBoxLayout(self.widget)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self.boxes: list[QCheckBox] = []
        self._channels: list[Channel] = []
        self._layer: Image | None = None
        self._are_layers = False
        viewer.layers.selection.events.changed.connect(self._on_selection)

    @property
    def has_choice(self) -> bool:
        """Whether there is more than one channel to choose from."""
        return len(self._channels) > 1

    def follow(self, layer: Image | None, axes: str) -> None:
        """Offer the channels of a layer, or the layers that go with it."""
        channels, are_layers = self._offered(layer, axes)
        is_other = layer != self._layer or are_layers != self._are_layers
        if not is_other and channels == self._channels:
            self._channels = channels  # the pixels may be others
            return
        kept = [] if is_other else self._checked_names()
        self._layer, self._channels, self._are_layers = layer, channels, are_layers
        self._rebuild(kept)
        if are_layers and not kept:
            self._on_selection()

    def chosen(self) -> list[Channel] | None:
        """Return the checked channels, or None if that is the layer as it is.

        Raises InputError if no box is checked.
        """
        if not self.has_choice:
            return None
        checked = [
            channel
            for channel, box in zip(self._channels, self.boxes, strict=True)
            if box.isChecked()
        ]
        if not checked:
            raise InputError("No channel is checked. Check at least one.")
        as_it_is = 1 if self._are_layers else len(self.boxes)
        return None if len(checked) == as_it_is else checked

    def _offered(self, layer: Image | None, axes: str) -> tuple[list[Channel], bool]:
        if layer is None:
            return [], False
        try:
            names = parse_layer_axes(axes, layer)
        except InputError:
            return [], False
        if "C" in names:
            channels = axis_channels(layer, names.index("C"))
            return (channels if len(channels) <= _MOST else []), False
        if "RGB" in names:
            return [], False
        return layer_channels(layer, self._viewer.layers), True

    def _checked_names(self) -> list[str]:
        return [box.text() for box in self.boxes if box.isChecked()]

    def _rebuild(self, checked: list[str]) -> None:
        for box in self.boxes:
            self._layout.removeWidget(box)
            box.hide()  # it would be drawn until it is deleted
            box.deleteLater()
        self.boxes = []
        for channel in self._channels if self.has_choice else []:
            box = QCheckBox(channel.name)
            own = self._are_layers and self._is_own(channel)
            all_of_them = not self._are_layers and not checked
            box.setChecked(own or all_of_them or channel.name in checked)
            box.setEnabled(not own)
            box.toggled.connect(self._on_toggled)
            self._layout.addWidget(box)
            self.boxes.append(box)

    def _is_own(self, channel: Channel) -> bool:
        return self._layer is not None and channel.name == self._layer.name

    def _on_toggled(self, _: bool) -> None:
        self.changed.emit()

    def _on_selection(self, _: Any = None) -> None:
        """Check the layers that are selected together with the chosen one."""
        selected = {layer.name for layer in self._viewer.layers.selection}
        names = {channel.name for channel in self._channels}
        if not self._are_layers or len(selected & names) < 2:
            return
        for box, channel in zip(self.boxes, self._channels, strict=False):
            box.setChecked(channel.name in selected or self._is_own(channel))

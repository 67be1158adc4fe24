"""Choice of the Labels layer to edit: the current slice or the whole layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.editing import check_editable
from napari_mmtseg.napari.layers.pixel_measure import (
    PixelMeasure,
    pixel_measure,
    shown_axes,
    shown_part,
)
from napari_mmtseg.napari.shared.layer_choice import LayerChoice, LayerWatch
from napari_mmtseg.napari.shared.settings_form import make_form_layout

if TYPE_CHECKING:
    from napari.components import ViewerModel


class EditTarget(QWidget):
    """The choice of a layer, and of its current slice or all slices.

    The chosen layer becomes the active one, so that Ctrl+Z undoes the edits of the
    panel. `across` says whether regions connect across slices, where all are edited.
    `layer_changed` is also emitted when the layer has been locked or unlocked.
    """

    layer_changed = Signal()
    part_changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.layer: Labels | None = None
        self._watch = LayerWatch(
            {
                "scale": self._on_part,
                "units": self._on_part,
                "editable": self._on_editable,
            }
        )
        self.choice = LayerChoice(
            viewer,
            Labels,
            label="Labels",
            tooltip="The Labels layer to edit; follows the active layer.",
        )
        self.slice_button = QRadioButton("Current slice")
        self.slice_button.setToolTip("Count and edit the displayed slice")
        self.all_button = QRadioButton("All slices")
        self.all_button.setToolTip("Count and edit the whole layer")
        self.all_button.setChecked(True)
        self.across = QCheckBox("Regions connect across slices")
        self.across.setToolTip(
            "<qt>Whether a region continues in the next slice, as in a volume, or not, "
            "as in a time series. At most three axes connect.</qt>"
        )
        self.across.setChecked(True)
        self._arrange()
        self.choice.changed.connect(self._on_choice)
        for button in (self.slice_button, self.across):
            button.toggled.connect(self._on_part)
        for event in self._dims_events():
            event.connect(self._on_dims)
        self._on_choice()

    @property
    def is_whole(self) -> bool:
        """Whether the whole layer is edited."""
        return self.all_button.isChecked() or not self._has_slices

    @property
    def n_axes(self) -> int | None:
        """Number of last axes along which pixels connect; None for all axes."""
        if self.layer is None or not self.is_whole or not self._has_slices:
            return None
        return 3 if self.across.isChecked() else 2

    def editable_layer(self) -> Labels:
        """Return the layer; InputError if there is none, or it cannot be edited."""
        if self.layer is None:
            raise InputError(
                "There is no Labels layer. Segment an image, or add a layer with the "
                "labels button above the layer list."
            )
        check_editable(self.layer)
        return self.layer

    def part(self) -> tuple[slice, ...]:
        """Return the part of the data that is edited; InputError if there is none."""
        layer = self.editable_layer()
        if self.is_whole:
            return tuple(slice(0, n) for n in layer.data.shape)
        return shown_part(layer, self._viewer.dims)

    def measure(self) -> PixelMeasure | None:
        """Return the area or volume of a pixel; None if it is not known."""
        if self.layer is None:
            return None
        axes = range(self.layer.ndim)
        if not self.is_whole:
            return pixel_measure(self.layer, shown_axes(self.layer, self._viewer.dims))
        return pixel_measure(self.layer, axes[-(self.n_axes or 3) :])

    def disconnect_all(self) -> None:
        """Stop following viewer and layer."""
        self.choice.disconnect()
        for event in self._dims_events():
            event.disconnect(self._on_dims)
        self._watch.follow(None)
        self.layer = None

    @property
    def _has_slices(self) -> bool:
        return self.layer is not None and self.layer.ndim > 2

    def _dims_events(self) -> tuple[Any, ...]:
        events = self._viewer.dims.events
        return events.point, events.ndisplay, events.order, events.ndim, events.units

    def _on_choice(self, _: Any = None) -> None:
        layer = self.choice.box.value
        if layer == self.layer:
            return
        self._watch.follow(layer)
        self.layer = layer
        selection = self._viewer.layers.selection
        if layer is not None and isinstance(selection.active, Labels):
            selection.active = layer
        self._show_scope()
        self.layer_changed.emit()

    def _on_editable(self, _: Any = None) -> None:
        self.layer_changed.emit()

    def _on_part(self, _: Any = None) -> None:
        self._show_scope()
        self.part_changed.emit()

    def _on_dims(self, _: Any = None) -> None:
        if not self.is_whole:
            self.part_changed.emit()

    def _show_scope(self) -> None:
        for button in (self.slice_button, self.all_button, self.across):
            button.setVisible(self._has_slices)
        self.across.setEnabled(self.all_button.isChecked())

    def _arrange(self) -> None:
        scope = QHBoxLayout()
        scope.addWidget(self.slice_button)
        scope.addWidget(self.all_button)
        scope.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        box = self.choice.box
        tooltip = box.tooltip or ""
        layout.addLayout(make_form_layout([(box.label, tooltip, box.native)]))
        layout.addLayout(scope)
        layout.addWidget(self.across)

"""What is segmented: layer, axes, slices and region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from psygnal import Signal
from qtpy.QtWidgets import QComboBox

from napari_mmtseg._layers import Source, choose_source, possible_axes
from napari_mmtseg._widgets.layer_choice import LayerChoice, keep_narrow
from napari_mmtseg._widgets.region_choice import RegionChoice
from napari_mmtseg._world_units import slider_point
from napari_mmtseg.errors import InputError

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["SourceChoice"]

_ALL, _CURRENT = "all slices", "current slice"


class SourceChoice:
    """The choice of an image layer and what of it; follows the active layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.

    Attributes
    ----------
    changed : Signal
        Emitted when something else is chosen: layer, axes, slices or region.
    layer : magicgui.widgets.ComboBox
        The layer.
    axes : QComboBox
        Names of its axes.
    slices : QComboBox
        All slices or the current one.
    region : RegionChoice
        The whole image or a part.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layers = LayerChoice(
            viewer,
            Image,
            label="Image",
            tooltip="The Image layer to segment; follows the active layer.",
        )
        self.layer = self._layers.box
        self.axes = QComboBox()
        self.axes.setEditable(True)
        self.axes.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        keep_narrow(self.axes)
        self.slices = QComboBox()
        self.slices.addItems([_ALL, _CURRENT])
        self.region = RegionChoice(viewer)
        self._known_layer: Image | None = None
        self._layers.changed.connect(self._on_layer)
        self.axes.editTextChanged.connect(self._on_change)
        self.slices.currentIndexChanged.connect(self._on_change)
        self.region.changed.connect(self._on_change)
        viewer.dims.events.point.connect(self._on_change)
        viewer.dims.events.ndim.connect(self._on_change)
        viewer.dims.events.units.connect(self._on_change)
        self._on_layer()

    @property
    def has_slices(self) -> bool:
        """Whether the chosen layer has more than one slice."""
        layer = self.layer.value
        if layer is None:
            return False
        try:
            whole = choose_source(layer, self.axes.currentText(), all_slices=True)
            return whole.is_stack
        except InputError:
            return False

    @property
    def takes_all(self) -> bool:
        """Whether all slices are chosen, of a layer that has some."""
        return self.has_slices and self.slices.currentText() == _ALL

    def source(self) -> Source:
        """Return what is chosen.

        Raises
        ------
        InputError
            If there is none, or it cannot be segmented.
        """
        layer = self.layer.value
        if layer is None:
            raise InputError(self._why_no_layer())
        axes = self.axes.currentText()
        return choose_source(
            layer,
            axes,
            slider_point(layer, self._viewer.dims),
            all_slices=self.takes_all,
            region=self.region.region(layer, axes),
        )

    def _why_no_layer(self) -> str:
        active = self._viewer.layers.selection.active
        if active is None:
            return (
                "There is no Image layer. Open an image, or a sample from File > Open "
                "Sample."
            )
        return (
            f"“{active.name}” is a {active.__class__.__name__} layer; only Image "
            "layers can be segmented. Open an image."
        )

    def _on_layer(self, _: Any = None) -> None:
        layer = self.layer.value
        if layer != self._known_layer:
            self._known_layer = layer
            axes = [] if layer is None else possible_axes(layer)
            self.axes.blockSignals(True)
            self.axes.clear()
            self.axes.addItems(axes)
            self.axes.setEnabled(layer is not None)
            self.axes.blockSignals(False)
        self._on_change()

    def _on_change(self, _: Any = None) -> None:
        self.changed.emit()

"""Which image is segmented: layer, axes and current slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from psygnal import Signal
from qtpy.QtWidgets import QComboBox

from napari_mmtseg._layers import Source, choose_source, possible_axes
from napari_mmtseg._widgets.layer_choice import LayerChoice, keep_narrow
from napari_mmtseg.errors import InputError

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["SourceChoice"]


class SourceChoice:
    """The choice of an image layer and its axes; follows the active layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.

    Attributes
    ----------
    changed : Signal
        Emitted when another image is chosen: layer, axes or slice.
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
        self._known_layer: Image | None = None
        self._layers.changed.connect(self._on_layer)
        self.axes.editTextChanged.connect(self._on_change)
        viewer.dims.events.point.connect(self._on_change)
        viewer.dims.events.ndim.connect(self._on_change)
        self._on_layer()

    def source(self) -> Source:
        """Return the chosen image.

        Raises
        ------
        InputError
            If there is none, or it cannot be segmented.
        """
        layer = self.layer.value
        if layer is None:
            raise InputError(self._why_no_layer())
        return choose_source(layer, self.axes.currentText(), self._viewer.dims.point)

    def describe(self) -> str:
        """Return what of the layer is segmented, where that is not all of it.

        Raises
        ------
        InputError
            As for :meth:`source`.
        """
        source = self.source()
        names = source.axes.split()
        slices = [
            f"{name} = {i} of 0 to {source.array.shape[names.index(name)] - 1}"
            for name, i in source.slices.items()
        ]
        if slices:
            return f"Only the current slice is segmented: {', '.join(slices)}."
        return ""

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

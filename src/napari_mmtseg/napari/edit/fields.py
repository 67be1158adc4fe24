"""Sizes and radius of operations, in pixels or in the unit of the layer."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox

from napari_mmtseg.napari.layers.pixel_measure import PixelMeasure
from napari_mmtseg.napari.shared.number_field import ShortNumberField
from napari_mmtseg.napari.shared.objects import ObjectFields

_LARGEST = 1e9
_PIXELS = "pixels"


class EditFields(QObject):
    """The numbers beside the buttons, in pixels or in the unit of the layer."""

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._measure: PixelMeasure | None = None
        self._is_setting = False
        self._physical = False
        self.island_size = _spin_box(20)
        self.hole_size = _spin_box(0)
        self.hole_size.setSpecialValueText("any size")
        self.radius = _spin_box(2)
        self.objects = ObjectFields()
        self.objects.changed.connect(self.changed)
        self.unit = QComboBox()
        self.unit.addItem(_PIXELS)
        tooltips = {
            self.island_size: "Connected regions below this size are islands",
            self.hole_size: "Holes up to this size are filled",
            self.radius: "How far a boundary may be evened out",
            self.unit: "Unit of the sizes and the radius",
        }
        for widget, text in tooltips.items():
            widget.setToolTip(text)
        self._boxes = (self.island_size, self.hole_size, self.radius)
        for box in self._boxes:
            box.valueChanged.connect(self._on_value)
        self.unit.currentIndexChanged.connect(self._on_unit)
        self._show_unit()

    @property
    def island_pixels(self) -> float:
        """Size of islands in pixels."""
        return self.island_size.value() / self._unit_of(self.island_size)

    @property
    def hole_pixels(self) -> float:
        """Size of holes in pixels; infinite for any."""
        size = self.hole_size.value()
        return size / self._unit_of(self.hole_size) if size else float("inf")

    def radius_pixels(self, n_axes: int) -> list[float]:
        """Return the radius in pixels along every axis of a layer: the same length."""
        radius, measure = self.radius.value(), self._measure
        if measure is None:
            return [radius] * n_axes
        if not self._physical:
            radius *= measure.edge
        return [radius / edge for edge in measure.edges]

    def show_measure(self, measure: PixelMeasure | None) -> None:
        """Offer the unit of another layer; the sizes in pixels stay."""
        self.objects.show_measure(measure)
        if measure == self._measure:
            return
        was_physical = self._physical
        self._convert(physical=False)
        self._measure = measure
        self.unit.blockSignals(True)
        self.unit.clear()
        self.unit.addItem(_PIXELS)
        if measure is not None:
            self.unit.addItem(measure.length_unit or "scaled units")
            self.unit.setCurrentIndex(int(was_physical))
        self.unit.blockSignals(False)
        self._convert(physical=was_physical and measure is not None)
        self._show_unit()

    def _unit_of(self, box: QDoubleSpinBox) -> float:
        """Return the size, or the edge, of a pixel in the current unit."""
        if self._measure is None or not self._physical:
            return 1.0
        return self._measure.edge if box is self.radius else self._measure.size

    def _on_value(self) -> None:
        if not self._is_setting:
            self.changed.emit()

    def _on_unit(self) -> None:
        self._convert(physical=self.unit.currentIndex() == 1)
        self._show_unit()

    def _convert(self, *, physical: bool) -> None:
        before = [self._unit_of(box) for box in self._boxes]
        self._physical = physical
        self._is_setting = True
        for box, unit in zip(self._boxes, before, strict=True):
            box.setValue(box.value() / unit * self._unit_of(box))
        self._is_setting = False

    def _show_unit(self) -> None:
        measure = self._measure if self._physical else None
        for box in self._boxes:
            unit: str | None = "px"
            if measure is not None:
                unit = measure.length_unit if box is self.radius else measure.unit
            box.setSuffix(f" {unit}" if unit else "")


def _spin_box(value: float) -> QDoubleSpinBox:
    box = ShortNumberField()
    box.setDecimals(6)
    box.setRange(0, _LARGEST)
    box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    box.setKeyboardTracking(False)
    box.setMinimumWidth(84)
    box.setValue(value)
    return box

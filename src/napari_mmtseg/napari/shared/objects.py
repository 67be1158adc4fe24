"""Fields for objects that the panels share, and the operation that separates them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_mmtseg.files.pixel_size import UNITS
from napari_mmtseg.labels.editing.operations import refuse_large
from napari_mmtseg.napari.layers.pixel_measure import PixelMeasure
from napari_mmtseg.objects.find import find_objects
from napari_mmtseg.objects.found import Objects
from napari_mmtseg.settings.fields import SegmentationSettings

_METHODS = {"distance": "shape", "intensity": "intensity", "both": "both"}

Read: TypeAlias = Callable[[tuple[slice, ...]], NDArray[Any]]


class ObjectFields(QWidget):
    """Size of objects, in the unit of the layer, and how they are told apart.

    `resized` emits a diameter in pixels, 0 if it is automatic. `brightness` looks for
    the image below the labels, and returns a function that reads a part of it; the
    panel sets it.
    """

    changed = Signal()
    resized = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.brightness: Callable[[], Read] | None = None
        self._measure: PixelMeasure | None = None
        self.size_box = QDoubleSpinBox()
        self.size_box.setRange(0, 1e6)
        self.size_box.setDecimals(2)
        self.size_box.setSpecialValueText("automatic")
        self.size_box.setKeyboardTracking(False)
        self.size_box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.size_box.setToolTip("Typical diameter of an object: less cuts more often")
        self.method_box = QComboBox()
        self.method_box.addItems(list(_METHODS.values()))
        self.method_box.setToolTip(
            "Where touching objects are cut: at their waist, along a dark valley "
            "between them, or either"
        )
        self.border = QCheckBox("Drop objects at the border")
        self.found = QLabel()
        self.found.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for title, widget in (("Size", self.size_box), ("Cut by", self.method_box)):
            row = QHBoxLayout()
            row.addWidget(QLabel(title))
            row.addWidget(widget, 1)
            layout.addLayout(row)
        layout.addWidget(self.border)
        layout.addWidget(self.found)
        self.size_box.valueChanged.connect(self._on_size)
        self.method_box.activated.connect(lambda _: self.changed.emit())
        self.border.toggled.connect(lambda _: self.changed.emit())
        self.show_measure(None)

    @property
    def separation(self) -> str:
        """The method, as in the settings."""
        return list(_METHODS)[self.method_box.currentIndex()]

    @property
    def diameter(self) -> float:
        """Diameter in pixels, 0 if it is automatic."""
        return self.size_box.value() / (self._measure.edge if self._measure else 1.0)

    def show_measure(self, measure: PixelMeasure | None) -> None:
        """Take sizes in the unit of another layer; in pixels if that has none."""
        pixels = self.diameter
        self._measure = measure
        self.size_box.blockSignals(True)
        self.size_box.setValue(pixels * (measure.edge if measure else 1.0))
        self.size_box.blockSignals(False)
        unit = "px" if measure is None else measure.length_unit
        self.size_box.setSuffix(f" {unit}" if unit else "")

    def show_settings(self, settings: SegmentationSettings) -> None:
        """Take over what a run was made with, without emitting anything."""
        given = settings.object_size or 0.0
        edge = self._measure.edge if self._measure else 1.0
        in_pixels = settings.object_unit == "pixels"
        values = given * edge if in_pixels else given / self._micrometres
        self.blockSignals(True)
        self.size_box.setValue(values)
        self.method_box.setCurrentIndex(
            list(_METHODS).index(settings.separation)
            if settings.separation in _METHODS
            else 0
        )
        self.border.setChecked(not settings.border_objects)
        self.blockSignals(False)

    def show_found(self, n: int, size: float) -> None:
        """Say how many objects there are, and their size in pixels."""
        self.found.setText(self.describer()(n, size))
        self.found.show()

    def describer(self) -> Callable[[int, float], str]:
        """Return a function that says how many objects of which size there are."""
        edge = self._measure.edge if self._measure else 1.0
        unit = self.size_box.suffix()

        def describe(n: int, size: float) -> str:
            return f"{n:,} object{'s' * (n != 1)}, size about {size * edge:.3g}{unit}"

        return describe

    def _on_size(self, _: float) -> None:
        self.resized.emit(self.diameter)
        self.changed.emit()

    def choice(self) -> dict[str, Any]:
        """Return what is chosen, as settings."""
        chosen: dict[str, Any] = {
            "separation": self.separation,
            "border_objects": not self.border.isChecked(),
        }
        if self.size_box.value():
            chosen["object_size"] = self.size_box.value() * self._micrometres
        if self._measure is not None:
            chosen["object_unit"] = "micrometres"
        return chosen

    def settings(self) -> dict[str, Any]:
        """Return the arguments of :func:`find_objects`, image and classes aside."""
        if self._measure is None:
            return self.choice()
        spacing = [edge * self._micrometres for edge in self._measure.edges]
        return {**self.choice(), "spacing": spacing}

    @property
    def _micrometres(self) -> float:
        """Micrometres in the unit of the layer; 1 if that is no unit of length."""
        unit = None if self._measure is None else UNITS.get(self._measure.length_unit)
        return 1.0 if unit is None else unit.size


class SeparateObjects:
    """An operation from labels to objects; its `description` is in words.

    Objects of a part of the layer get numbers above `offset()`.
    """

    def __init__(
        self,
        values: Sequence[int],
        fields: ObjectFields,
        index: tuple[slice, ...],
        n_axes: int | None,
        offset: Callable[[], int],
    ) -> None:
        self.found: Objects | None = None
        self.description = ""
        self._values = [v for v in values if v]
        self._settings = fields.settings()
        self._describe = fields.describer()
        self._n_axes = n_axes
        self._offset = offset
        self._index = index
        self._read: Read | None = None
        if fields.separation != "distance" and fields.brightness is not None:
            self._read = fields.brightness()

    def __call__(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Return the objects of the chosen classes; everything else is 0."""
        # One slice of a stack has axes of length 1 in front.
        volumes = self._n_axes != 2 and labels.ndim > 2 and labels.shape[-3] > 1
        offset = self._offset()
        self.found = find_objects(
            labels,
            None if self._read is None else self._read(self._index),
            classes=self._values or None,
            volumes=volumes,
            **self._settings,
        )
        n, size = self.found.n_objects, self.found.size
        self.description = self._describe(n, size)
        refuse_large(offset + n, n, labels.dtype)
        objects = np.asarray(self.found.labels)
        return np.where(objects > 0, objects + offset, 0).astype(labels.dtype)

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
    QLabel,
    QWidget,
)

from napari_mmtseg.files.pixel_size import UNITS
from napari_mmtseg.labels.editing.operations import refuse_large
from napari_mmtseg.napari.layers.pixel_measure import PixelMeasure
from napari_mmtseg.napari.shared.number_field import ShortNumberField
from napari_mmtseg.napari.shared.settings_form import make_form_layout
from napari_mmtseg.objects.find import find_objects
from napari_mmtseg.objects.found import Objects
from napari_mmtseg.settings.fields import SegmentationSettings

_DIAMETERS = ("object_size", "smallest_object", "largest_object")
_METHODS = ["distance", "intensity", "both"]

Read: TypeAlias = Callable[[tuple[slice, ...]], NDArray[Any]]


class ObjectFields(QWidget):
    """Size of objects, in the unit of the layer, and how they are told apart.

    `resized` emits a diameter in pixels, 0 if it is automatic. `brightness` looks for
    the image below the labels, and returns a function that reads a part of it; the
    panel sets it.
    """

    changed = Signal()
    resized = Signal(float)

    def __init__(self, *, finds_dim: bool = False) -> None:
        super().__init__()
        self.brightness: Callable[[], Read] | None = None
        self._measure: PixelMeasure | None = None
        self.size_box = _diameter_box(
            "automatic", "Typical diameter of an object: less cuts more often"
        )
        self.smallest_box = _diameter_box(
            "auto",
            "Objects of a smaller diameter are left out; automatic is a third of the "
            "size",
        )
        self.largest_box = _diameter_box(
            "any", "Objects of a larger diameter are left out"
        )
        self._boxes = (self.size_box, self.smallest_box, self.largest_box)
        self.method_box = QComboBox()
        self.method_box.addItems(_METHODS)
        self.method_box.setToolTip(
            "Where touching objects are cut: distance, at their waist; intensity, "
            "along the valley between two centres; both, where either says so"
        )
        self.border = QCheckBox("Drop objects at the border")
        self.dim = QCheckBox("Find dim ones, too")
        self.dim.setToolTip(
            "Objects too dim for their class end at half of their own height"
        )
        self.dim.setVisible(finds_dim)
        self.found = QLabel()
        self.found.hide()
        layout = make_form_layout(
            (title, box.toolTip(), box)
            for title, box in (
                ("Object size", self.size_box),
                ("Smallest object", self.smallest_box),
                ("Largest object", self.largest_box),
                ("Separation", self.method_box),
            )
        )
        for check in (self.border, self.dim, self.found):
            layout.addRow(check)
        self.setLayout(layout)
        self.size_box.valueChanged.connect(self._on_size)
        self.method_box.activated.connect(lambda _: self.changed.emit())
        for box in (self.smallest_box, self.largest_box):
            box.valueChanged.connect(lambda _: self.changed.emit())
        for check in (self.border, self.dim):
            check.toggled.connect(lambda _: self.changed.emit())
        self.show_measure(None)

    @property
    def separation(self) -> str:
        """The method, as in the settings."""
        return self.method_box.currentText()

    @property
    def diameter(self) -> float:
        """Diameter in pixels, 0 if it is automatic."""
        return self.size_box.value() / self._edge

    def show_measure(self, measure: PixelMeasure | None) -> None:
        """Take sizes in the unit of another layer; in pixels if that has none."""
        edge = measure.edge if measure else 1.0
        unit = "px" if measure is None else measure.length_unit
        pixels = [box.value() / self._edge for box in self._boxes]
        self._measure = measure
        for box, value in zip(self._boxes, pixels, strict=True):
            box.blockSignals(True)
            box.setValue(value * edge)
            box.blockSignals(False)
            box.setSuffix(f" {unit}" if unit else "")

    def show_settings(self, settings: SegmentationSettings) -> None:
        """Take over what a run was made with, without emitting anything."""
        in_pixels = settings.object_unit == "pixels"
        unit = self._edge if in_pixels else 1 / self._micrometres
        self.blockSignals(True)
        for box, name in zip(self._boxes, _DIAMETERS, strict=True):
            box.setValue((getattr(settings, name) or 0.0) * unit)
        known = settings.separation in _METHODS
        self.method_box.setCurrentText(settings.separation if known else _METHODS[0])
        self.border.setChecked(not settings.border_objects)
        self.dim.setChecked(settings.dim_objects)
        self.blockSignals(False)

    def show_found(self, n: int, size: float) -> None:
        """Say how many objects there are, and their size in pixels."""
        self.found.setText(self.describer()(n, size))
        self.found.show()

    def describer(self) -> Callable[[int, float], str]:
        """Return a function that says how many objects of which size there are."""
        edge, unit = self._edge, self.size_box.suffix()

        def describe(n: int, size: float) -> str:
            return f"{n:,} object{'s' * (n != 1)}, size about {size * edge:.3g}{unit}"

        return describe

    def _on_size(self, _: float) -> None:
        self.resized.emit(self.diameter)
        self.changed.emit()

    def choice(self) -> dict[str, Any]:
        """Return what is chosen, as settings."""
        diameters = (box.value() * self._micrometres or None for box in self._boxes)
        return {
            "separation": self.separation,
            "border_objects": not self.border.isChecked(),
            "dim_objects": self.dim.isChecked(),
            "object_unit": "pixels" if self._measure is None else "micrometres",
            **dict(zip(_DIAMETERS, diameters, strict=True)),
        }

    def settings(self) -> dict[str, Any]:
        """Return the arguments of :func:`find_objects`, image and classes aside."""
        if self._measure is None:
            return self.choice()
        spacing = [edge * self._micrometres for edge in self._measure.edges]
        return {**self.choice(), "spacing": spacing}

    @property
    def _edge(self) -> float:
        """Length of a pixel in the unit of the boxes."""
        return self._measure.edge if self._measure else 1.0

    @property
    def _micrometres(self) -> float:
        """Micrometres in the unit of the layer; 1 if that is no unit of length."""
        unit = None if self._measure is None else UNITS.get(self._measure.length_unit)
        return 1.0 if unit is None else unit.size


def _diameter_box(without: str, tip: str) -> QDoubleSpinBox:
    """Return a box for a diameter; 0 is shown as the word for none."""
    box = ShortNumberField()
    box.setRange(0, 1e6)
    box.setDecimals(2)
    box.setSpecialValueText(without)
    box.setKeyboardTracking(False)
    box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    box.setToolTip(tip)
    return box


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
        self._first = 0
        self._read: Read | None = None
        if fields.separation != "distance" and fields.brightness is not None:
            self._read = fields.brightness()

    def __call__(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Return the objects of the chosen classes; everything else is 0."""
        # One slice of a stack has axes of length 1 in front.
        volumes = self._n_axes != 2 and labels.ndim > 2 and labels.shape[-3] > 1
        self._first = offset = self._offset()
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

    def classes_after(self, before: NDArray[Any] | None) -> NDArray[Any] | None:
        """Return the class of every object by label; those before stay below.

        Without any before labels are their own classes.
        """
        if self.found is None or not self._first:
            return None if self.found is None else self.found.classes
        n = self._first + 1
        kept = np.arange(n) if before is None else before[:n]
        kept = np.pad(kept, (0, n - len(kept)))
        return np.concatenate([kept, self.found.classes[1:]])

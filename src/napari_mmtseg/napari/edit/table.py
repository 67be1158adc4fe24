"""Model of the class table: colour, label, name, pixels, size, regions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QColor, QPixmap

from napari_mmtseg.labels.editing.table import ClassTable
from napari_mmtseg.napari.layers.pixel_measure import PixelMeasure
from napari_mmtseg.napari.shared.table import Column, SortedTable

_SWATCH = 12
_SURE = "Mean confidence, 0 to 1, where it has been measured"
_NO_CLASSES = ClassTable(np.zeros(0, np.int64), np.zeros(0, np.int64))
Role = Qt.ItemDataRole
Color = NDArray[np.floating[Any]]


class ClassTableModel(SortedTable):
    """Classes in rows; `renamed` emits a label and the name typed for it."""

    renamed = Signal(object, str)
    NAME = 1
    SIZE = 3
    CONFIDENCE = 5

    def __init__(self) -> None:
        super().__init__(
            [
                Column(
                    "Label",
                    "Colour and label",
                    lambda table: table.values.tolist(),
                    lambda table, i: str(table.values[i]),
                ),
                Column("Name", "Name of the class", self._sort_names, self._name_at),
                Column("Pixels", "Number of pixels", _pixels, _n_pixels, True),
                Column("Size", "", _pixels, self._size_at, True),
                Column(
                    "Regions", "Number of connected regions", _regions, _n_regions, True
                ),
                Column("Sure", _SURE, _confidences, _confidence, True),
            ],
            _NO_CLASSES,
        )
        self.table: ClassTable | None = None
        self._names: Mapping[int, str] = {}
        self.measure: PixelMeasure | None = None
        self._color_of: Callable[[int], Color] | None = None
        self._swatches: dict[int, QPixmap] = {}

    def show_table(self, table: ClassTable | None) -> None:
        """Show other classes; rows stay where they are if the labels are the same."""
        old, self.table = self.table, table
        if old is None or table is None or not np.array_equal(old.values, table.values):
            self.show_content(_NO_CLASSES if table is None else table)
        else:
            self.content = table
            self.refresh()
        last = self.CONFIDENCE
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, last, last)

    def show_names(self, names: Mapping[int, str]) -> None:
        """Show other names, by label."""
        self._names = dict(names)
        self.refresh()

    def show_measure(self, measure: PixelMeasure | None) -> None:
        """Show areas or volumes by another size of pixels."""
        self.measure = measure
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, self.SIZE, self.SIZE)
        self.refresh()

    def show_colors(self, color_of: Callable[[int], Color] | None) -> None:
        """Show other colours: a function from a label to RGBA from 0 to 1."""
        self._color_of = color_of
        self._swatches = {}
        self.refresh()

    def value_at(self, row: int) -> int:
        """Return the label of a row."""
        return int(self.content.values[self.place(row)])

    def rows_of(self, values: NDArray[Any]) -> NDArray[np.intp]:
        """Return the rows of those labels that are in the table, in ascending order."""
        if self.table is None:
            return np.zeros(0, np.intp)
        return np.flatnonzero(np.isin(self.table.values[self.places], values))

    def values_between(self, first: int, last: int) -> NDArray[Any]:
        """Return the labels of neighbouring rows, both ends included."""
        values: NDArray[Any] = self.content.values[self.places[first : last + 1]]
        return values

    def records(self) -> list[list[Any]]:
        """Return header and rows for a file, in the order shown, numbers in full."""
        table: ClassTable = self.content
        values = table.values.tolist()
        columns: dict[str, list[Any]] = {
            "Label": values,
            "Name": [self._name(value) for value in values],
            "Pixels": table.n_pixels.tolist(),
        }
        if self.measure is not None:
            columns[self.measure.title] = (table.n_pixels * self._pixel_size).tolist()
        n_regions = table.n_regions
        columns["Regions"] = (
            [""] * len(table) if n_regions is None else n_regions.tolist()
        )
        if table.confidence is not None:
            columns["Sure"] = [_confidence(table, i, 4) for i in range(len(table))]
        rows = list(zip(*columns.values(), strict=True))
        return [list(columns), *(list(rows[place]) for place in self.places)]

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        """Return title or tooltip of a column."""
        is_size = section == self.SIZE and orientation == Qt.Orientation.Horizontal
        if is_size and self.measure is not None:
            if role == Role.DisplayRole:
                return self.measure.unit or self.measure.kind
            if role == Role.ToolTipRole:
                return f"{self.measure.kind} of all pixels"
        return super().headerData(section, orientation, role)

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> Any:
        """Return text or colour of a cell."""
        if role == Role.DecorationRole and index.isValid() and index.column() == 0:
            return self._swatch(self.value_at(index.row()))
        return super().data(index, role)

    def setData(
        self, index: QModelIndex, value: Any, role: int = Role.EditRole
    ) -> bool:
        """Ask for another name."""
        if role != Role.EditRole or index.column() != self.NAME:
            return False
        self.renamed.emit(self.value_at(index.row()), str(value).strip())
        return True

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Let names be edited, except that of the background."""
        flags = super().flags(index)
        if index.column() == self.NAME and self.value_at(index.row()) != 0:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    @property
    def _pixel_size(self) -> float:
        return 1.0 if self.measure is None else self.measure.size

    def _swatch(self, value: int) -> QPixmap | None:
        if self._color_of is None:
            return None
        if value not in self._swatches:
            pixmap = QPixmap(_SWATCH, _SWATCH)
            pixmap.fill(QColor.fromRgbF(*(float(c) for c in self._color_of(value))))
            self._swatches[value] = pixmap
        return self._swatches[value]

    def _name(self, value: int) -> str:
        return self._names.get(value, "" if value else "background")

    def _name_at(self, table: ClassTable, i: int) -> str:
        return self._name(int(table.values[i]))

    def _sort_names(self, table: ClassTable) -> list[str]:
        return [self._name(value).lower() for value in table.values.tolist()]

    def _size_at(self, table: ClassTable, i: int) -> str:
        size = table.n_pixels[i] * self._pixel_size
        return f"{size:,.0f}" if 1000 <= size < 1e8 else f"{size:.4g}"


def _pixels(table: ClassTable) -> Any:
    return table.n_pixels.tolist()


def _n_pixels(table: ClassTable, i: int) -> str:
    return f"{table.n_pixels[i]:,}"


def _regions(table: ClassTable) -> Any:
    return (table.n_pixels if table.n_regions is None else table.n_regions).tolist()


def _n_regions(table: ClassTable, i: int) -> str:
    if table.n_regions is None:
        return "…"
    return f"{table.n_regions[i]:,}" if table.values[i] else ""


def _confidences(table: ClassTable) -> Any:
    if table.confidence is None:
        return _pixels(table)
    return np.nan_to_num(table.confidence, nan=2).tolist()  # unknown ones last


def _confidence(table: ClassTable, i: int, digits: int = 2) -> str:
    if table.confidence is None or np.isnan(table.confidence[i]):
        return ""
    return f"{table.confidence[i]:.{digits}f}"

"""The table of classes: colour, label, name, pixels, size, regions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QColor, QPixmap

from napari_mmtseg.labels.editing.table import ClassTable
from napari_mmtseg.napari.layers.pixel_measure import PixelMeasure

__all__ = ["ClassTableModel", "Column"]

_SWATCH = 12
Role = Qt.ItemDataRole
Color = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    title, tooltip : str
        Of the header.
    sort_by : callable
        Returns an array of one value for every class of a ClassTable.
    text : callable
        Returns the text for a row of a ClassTable.
    record : callable
        Returns what a file says of that row.
    """

    title: str
    tooltip: str
    sort_by: Callable[[ClassTable], Any]
    text: Callable[[ClassTable, int], str]
    record: Callable[[ClassTable, int], Any]


class ClassTableModel(QAbstractTableModel):
    """Rows of a :class:`ClassTable`, in any order; knows nothing of layers.

    Attributes
    ----------
    renamed : Signal
        Emits a label and the name that was typed for it.
    columns : list of Column
        Further columns may be appended before the model is shown.
    """

    renamed = Signal(object, str)
    NAME = 1
    SIZE = 3
    CONFIDENCE = 5

    def __init__(self) -> None:
        super().__init__()
        self._table: ClassTable | None = None
        self._names: Mapping[int, str] = {}
        self._measure: PixelMeasure | None = None
        self._color_of: Callable[[int], Color] | None = None
        self._swatches: dict[int, QPixmap] = {}
        self._order = np.zeros(0, np.intp)
        self._sorting = 0, Qt.SortOrder.AscendingOrder
        self.columns = [
            Column(
                "Class",
                "Colour and label",
                lambda t: t.values,
                lambda t, row: str(t.values[row]),
                lambda t, row: int(t.values[row]),
            ),
            Column("Name", "Name of the class", self._names_of, self._name, self._name),
            Column(
                "Pixels",
                "Number of pixels",
                lambda t: t.n_pixels,
                lambda t, row: f"{t.n_pixels[row]:,}",
                lambda t, row: int(t.n_pixels[row]),
            ),
            Column(
                "Size",
                "",
                lambda t: t.n_pixels,
                lambda t, row: _short(self._size(t, row)),
                self._size,
            ),
            Column(
                "Regions",
                "Number of connected regions",
                _regions,
                _n_regions,
                lambda t, row: "" if t.n_regions is None else int(t.n_regions[row]),
            ),
            Column(
                "Sure",
                "Mean confidence, 0 to 1, where it has been measured",
                lambda t: t.n_pixels if t.confidence is None else t.confidence,
                lambda t, row: _confidence(t, row, "{:.2f}"),
                lambda t, row: _confidence(t, row, "{:.4f}"),
            ),
        ]

    @property
    def table(self) -> ClassTable | None:
        """What is shown."""
        return self._table

    @property
    def measure(self) -> PixelMeasure | None:
        """Area or volume of a pixel."""
        return self._measure

    @property
    def has_confidence(self) -> bool:
        """Whether confidence has been measured."""
        return self._table is not None and self._table.confidence is not None

    def show_table(self, table: ClassTable | None) -> None:
        """Show other classes; rows stay where they are if the labels are the same."""
        old, self._table = self._table, table
        last = self.CONFIDENCE
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, last, last)
        same = (
            old is not None
            and table is not None
            and np.array_equal(old.values, table.values)
        )
        if same:
            self._refresh()
            return
        self.beginResetModel()
        self._sort()
        self.endResetModel()

    def show_names(self, names: Mapping[int, str]) -> None:
        """Show other names, by label."""
        self._names = dict(names)
        self._refresh()

    def show_measure(self, measure: PixelMeasure | None) -> None:
        """Show areas or volumes by another size of pixels."""
        self._measure = measure
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, self.SIZE, self.SIZE)
        self._refresh()

    def show_colors(self, color_of: Callable[[int], Color] | None) -> None:
        """Show other colours: a function from a label to RGBA from 0 to 1."""
        self._color_of = color_of
        self._swatches = {}
        self._refresh()

    def value_at(self, row: int) -> int:
        """Return the label of a row."""
        assert self._table is not None
        return int(self._table.values[self._order[row]])

    def rows_of(self, values: NDArray[Any]) -> NDArray[np.intp]:
        """Return the rows of labels, as far as there are any, in ascending order."""
        if self._table is None:
            return np.zeros(0, np.intp)
        rows: NDArray[np.intp] = np.flatnonzero(
            np.isin(self._table.values[self._order], values)
        )
        return rows

    def values_between(self, first: int, last: int) -> NDArray[Any]:
        """Return the labels of neighbouring rows, both ends included."""
        assert self._table is not None
        values: NDArray[Any] = self._table.values[self._order[first : last + 1]]
        return values

    def records(self) -> list[list[Any]]:
        """Return header and rows for a file, in the order shown, numbers in full."""
        table, measure = self._table, self._measure
        n_columns = range(self.columnCount())
        shown = [
            c
            for c in n_columns
            if (c != self.SIZE or measure is not None)
            and (c != self.CONFIDENCE or self.has_confidence)
        ]
        header = [self.columns[c].title for c in shown]
        if measure is not None:
            header[shown.index(self.SIZE)] = measure.title
        if table is None:
            return [header]
        return [header] + [
            [self.columns[column].record(table, int(row)) for column in shown]
            for row in self._order
        ]

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of classes."""
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        """Return title or tooltip of a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Role.TextAlignmentRole:
            return self._alignment(section)
        column = self.columns[section]
        title, tooltip = column.title, column.tooltip
        if section == self.SIZE and self._measure is not None:
            measure = self._measure
            title = measure.unit or measure.kind
            tooltip = f"{measure.kind} of all pixels"
        if role == Role.DisplayRole:
            return title
        return tooltip if role == Role.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> Any:
        """Return what a cell shows."""
        if self._table is None or not index.isValid():
            return None
        row, column = int(self._order[index.row()]), index.column()
        if role in (Role.DisplayRole, Role.EditRole, Role.ToolTipRole):
            return self.columns[column].text(self._table, row)
        if role == Role.TextAlignmentRole:
            return self._alignment(column)
        if role == Role.DecorationRole and column == 0:
            return self._swatch(int(self._table.values[row]))
        return None

    def setData(
        self, index: QModelIndex, value: Any, role: int = Role.EditRole
    ) -> bool:
        """Ask for another name."""
        if role != Role.EditRole or index.column() != self.NAME:
            return False
        self.renamed.emit(self.value_at(index.row()), str(value).strip())
        return True

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Let names be edited, but not that of the background."""
        flags = super().flags(index)
        if index.column() == self.NAME and self.value_at(index.row()) != 0:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def sort(
        self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder
    ) -> None:
        """Sort by a column."""
        self._sorting = column, order
        self.layoutAboutToBeChanged.emit()
        self._sort()
        self.layoutChanged.emit()

    def _sort(self) -> None:
        if self._table is None:
            self._order = np.zeros(0, np.intp)
            return
        column, order = self._sorting
        keys = self.columns[column].sort_by(self._table)
        self._order = np.argsort(keys, kind="stable")
        if order == Qt.SortOrder.DescendingOrder:
            self._order = self._order[::-1]

    def _alignment(self, column: int) -> int:
        is_number = column > self.NAME
        side = Qt.AlignmentFlag.AlignRight if is_number else Qt.AlignmentFlag.AlignLeft
        return int(side | Qt.AlignmentFlag.AlignVCenter)

    def _refresh(self) -> None:
        if self.rowCount():
            last = self.index(self.rowCount() - 1, self.columnCount() - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def _swatch(self, value: int) -> QPixmap | None:
        if self._color_of is None:
            return None
        if value not in self._swatches:
            pixmap = QPixmap(_SWATCH, _SWATCH)
            pixmap.fill(QColor.fromRgbF(*(float(c) for c in self._color_of(value))))
            self._swatches[value] = pixmap
        return self._swatches[value]

    def _name(self, table: ClassTable, row: int) -> str:
        value = int(table.values[row])
        return self._names.get(value, "" if value else "background")

    def _names_of(self, table: ClassTable) -> Any:
        return np.array([self._name(table, row).lower() for row in range(len(table))])

    def _size(self, table: ClassTable, row: int) -> float:
        size = self._measure.size if self._measure else 1.0
        return float(table.n_pixels[row] * size)


def _regions(table: ClassTable) -> Any:
    return table.n_pixels if table.n_regions is None else table.n_regions


def _short(size: float) -> str:
    return f"{size:,.0f}" if 1000 <= size < 1e8 else f"{size:.4g}"


def _n_regions(table: ClassTable, row: int) -> str:
    if table.n_regions is None:
        return "…"
    return f"{table.n_regions[row]:,}" if table.values[row] else ""


def _confidence(table: ClassTable, row: int, form: str) -> str:
    if table.confidence is None or np.isnan(table.confidence[row]):
        return ""
    return form.format(table.confidence[row])

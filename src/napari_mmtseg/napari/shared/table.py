"""A table whose rows can be sorted by every column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

Role = Qt.ItemDataRole


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers are aligned to the right.

    `sort_by` goes from the content of the table to a list with one value for each item,
    `text` from the content and the place of an item in it to the text of a cell.
    """

    title: str
    tooltip: str
    sort_by: Callable[[Any], list[Any]]
    text: Callable[[Any, int], str]
    is_number: bool = False


class SortedTable(QAbstractTableModel):
    """Items in rows, sorted by a column; their places in the content stay.

    Qt's own sorting proxy asks Python twice for each comparison: it takes 37 s for
    100,000 rows, which are sorted here in 0.1 s.
    """

    def __init__(self, columns: Sequence[Column], content: Any) -> None:
        super().__init__()
        self.columns = columns
        self.content = content
        self._sorting = -1, Qt.SortOrder.AscendingOrder
        self.places: NDArray[np.intp] = np.zeros(0, np.intp)
        self._rows = self.places

    def place(self, row: int) -> int:
        """Return the place in the content of a row."""
        return int(self.places[row])

    def show_content(self, content: Any) -> None:
        """Show other items."""
        self.beginResetModel()
        self.content = content
        self._sort()
        self.endResetModel()

    def refresh(self, places: Sequence[int] | None = None) -> None:
        """Show items that have changed, from the first to the last of their rows."""
        if not self.rowCount():
            return
        rows = [0, self.rowCount() - 1] if places is None else self._rows[list(places)]
        first, last = self.index(int(min(rows)), 0), int(max(rows))
        self.dataChanged.emit(first, self.index(last, self.columnCount() - 1))

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of items."""
        return 0 if parent is not None and parent.isValid() else len(self.places)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        """Return title or tooltip of a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Role.DisplayRole:
            return column.title
        if role == Role.ToolTipRole:
            return column.tooltip
        return _alignment(column) if role == Role.TextAlignmentRole else None

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> Any:
        """Return the text of a cell, which is also its tooltip."""
        if not index.isValid():
            return None
        column = self.columns[index.column()]
        if role in (Role.DisplayRole, Role.EditRole, Role.ToolTipRole):
            return column.text(self.content, self.place(index.row()))
        return _alignment(column) if role == Role.TextAlignmentRole else None

    def sort(
        self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder
    ) -> None:
        """Sort by a column; -1 restores the order of the content."""
        self._sorting = column, order
        # Without their arguments, a list among them, of which PySide6 crashes.
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        places = [self.place(index.row()) for index in before]
        self._sort()
        after = [
            self.index(int(self._rows[place]), index.column())
            for place, index in zip(places, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _sort(self) -> None:
        column, order = self._sorting
        places: Any = range(len(self.content))
        if column >= 0:
            keys = self.columns[column].sort_by(self.content)
            is_down = order == Qt.SortOrder.DescendingOrder
            places = sorted(places, key=keys.__getitem__, reverse=is_down)
        self.places = np.array(places, np.intp)
        self._rows = np.argsort(self.places)


def _alignment(column: Column) -> int:
    side = (
        Qt.AlignmentFlag.AlignRight if column.is_number else Qt.AlignmentFlag.AlignLeft
    )
    return int(side | Qt.AlignmentFlag.AlignVCenter)


WIDEST = 272
"""Width in pixels that a table asks for at most, in a panel of 300 with scroll bar."""


class TableView(QTableView):
    """A table that shows whole rows close to each other, without a grid.

    The column `stretched` takes the width that the others leave. `visited` emits the
    item whose row was double-clicked.
    """

    selection_changed = Signal()
    visited = Signal(object)

    def __init__(
        self,
        model: SortedTable,
        widths: Mapping[int, int],
        stretched: int | None = None,
    ) -> None:
        super().__init__()
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setTabKeyNavigation(False)
        self.setSortingEnabled(True)
        rows, header = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert header is not None
        rows.hide()
        rows.setDefaultSectionSize(22)
        header.setMinimumSectionSize(30)
        header.setHighlightSections(False)
        header.setDefaultAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )
        for column, width in widths.items():
            self.setColumnWidth(column, width)
        if stretched is not None:
            header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)

    def height_of_rows(self, n: int) -> int:
        """Return the height of a table that shows n rows."""
        rows, header = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert header is not None
        return int(n * rows.defaultSectionSize() + header.sizeHint().height() + 4)

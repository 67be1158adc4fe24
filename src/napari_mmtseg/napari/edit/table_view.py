"""View of the class table, with a selection that is kept by label."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QSize, Qt

from napari_mmtseg.napari.edit.table import ClassTableModel
from napari_mmtseg.napari.shared.table import WIDEST, TableView

_WIDTHS = {0: 54, 2: 66, 3: 62, 4: 62, 5: 44}
_NAME_WIDTH = 64
_MIN_ROWS, _MAX_ROWS = 4, 9


class ClassTableView(TableView):
    """A table of classes, of which several can be selected."""

    def __init__(self) -> None:
        classes = ClassTableModel()
        super().__init__(classes, _WIDTHS, stretched=ClassTableModel.NAME)
        self.classes = classes
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self._show_columns()
        self._last: int | None = None
        self._remembered: NDArray[Any] = np.zeros(0, np.int64)
        self._is_resetting = False
        self.classes.modelAboutToBeReset.connect(self._keep)
        self.classes.modelReset.connect(self._restore)
        self.classes.headerDataChanged.connect(self._show_columns)
        selection = self.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._on_selection)
        selection.currentRowChanged.connect(self._on_current)
        self.doubleClicked.connect(
            lambda index: self.visited.emit(classes.value_at(index.row()))
        )

    @property
    def selected_values(self) -> list[int]:
        """The labels of all selected rows, in ascending order."""
        return [int(v) for v in self._selected()]

    @property
    def last_value(self) -> int | None:
        """The label that was selected last, if it is still selected."""
        if self._last is not None and self._last in self._selected():
            return self._last
        values = self.selected_values
        return values[-1] if values else None

    def select_values(self, values: Collection[int], last: int | None = None) -> None:
        """Select just the rows of these labels; the last one is brought into view."""
        rows = self.classes.rows_of(np.asarray(list(values)))
        selection, model = self.selectionModel(), self.classes
        assert selection is not None
        chosen = QItemSelection()
        # Neighbouring rows as one range: a hundred thousand ranges take long.
        starts = np.flatnonzero(np.diff(rows, prepend=-2) > 1)
        for piece in np.split(rows, starts[1:]) if len(rows) else []:
            first, end = int(piece[0]), int(piece[-1])
            chosen.select(
                model.index(first, 0), model.index(end, model.columnCount() - 1)
            )
        flags = QItemSelectionModel.SelectionFlag
        if last is not None and len(row := model.rows_of(np.array([last]))):
            current = model.index(int(row[0]), 0)
            selection.setCurrentIndex(current, flags.NoUpdate)
            self.scrollTo(current)
        self._last = last
        selection.select(chosen, flags.ClearAndSelect | flags.Rows)

    def edit_name(self, value: int) -> None:
        """Let the user type the name of a class."""
        rows = self.classes.rows_of(np.array([value]))
        if len(rows):
            index = self.classes.index(int(rows[0]), ClassTableModel.NAME)
            self.setCurrentIndex(index)
            self.edit(index)

    def sizeHint(self) -> QSize:
        """Return room for some rows; more when there are more."""
        n = min(max(self.classes.rowCount(), _MIN_ROWS), _MAX_ROWS)
        return QSize(super().sizeHint().width(), self.height_of_rows(n))

    def minimumSizeHint(self) -> QSize:
        """Return the preferred height: the panel scrolls, not a slit of a table."""
        shown = [w for c, w in _WIDTHS.items() if not self.isColumnHidden(c)]
        width = min(sum(shown) + _NAME_WIDTH, WIDEST)
        return QSize(width, self.sizeHint().height())

    def _selected(self) -> NDArray[Any]:
        selection = self.selectionModel()
        if selection is None:
            return np.zeros(0, np.int64)
        ranges = selection.selection()
        pieces = [
            self.classes.values_between(ranges[i].top(), ranges[i].bottom())
            for i in range(len(ranges))
            if ranges[i].isValid()
        ]
        return np.unique(np.concatenate(pieces)) if pieces else np.zeros(0, np.int64)

    def _keep(self) -> None:
        # From now on rows are no longer those of the classes that were selected.
        self._is_resetting = True

    def _restore(self) -> None:
        self.select_values(self._remembered.tolist(), self._last)
        self._is_resetting = False
        self.updateGeometry()
        self._on_selection()

    def _show_columns(self, *_: object) -> None:
        self.setColumnHidden(ClassTableModel.SIZE, self.classes.measure is None)
        table = self.classes.table
        is_unknown = table is None or table.confidence is None
        self.setColumnHidden(ClassTableModel.CONFIDENCE, is_unknown)

    def _on_selection(self, *_: object) -> None:
        if not self._is_resetting:
            self._remembered = self._selected()
            self.selection_changed.emit()

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid() and not self._is_resetting:
            self._last = self.classes.value_at(current.row())

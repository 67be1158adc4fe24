"""The table of a batch as the user sees it and selects in it."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.napari.batch.table import BatchTableModel
from napari_mmtseg.napari.shared.table_rows import height_of_rows, set_up_rows

__all__ = ["BatchTableView"]

_WIDTHS = {
    BatchTableModel.STATUS: 82,
    BatchTableModel.TIME: 54,
    BatchTableModel.CLASSES: 58,
    BatchTableModel.ERROR: 240,
}
_NAME_WIDTH = 168
_LEAST_ROWS, _USUAL_ROWS = 6, 10


class BatchTableView(QTableView):
    """A table of images, one row selected.

    Attributes
    ----------
    images : BatchTableModel
        What is shown.
    selection_changed : Signal
        Another row is selected, or the selected one has changed.
    visited : Signal
        Emits the record of a row that was double-clicked.
    """

    selection_changed = Signal()
    visited = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.images = BatchTableModel()
        self.setModel(self.images)
        set_up_rows(self, _WIDTHS)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setItemDelegateForColumn(BatchTableModel.NAME, _Names(self))
        selection = self.selectionModel()
        assert selection is not None
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.doubleClicked.connect(self._on_double_click)
        selection.selectionChanged.connect(self._on_change)
        self.images.dataChanged.connect(self._on_change)
        self.images.layoutChanged.connect(self._on_change)
        self.images.modelReset.connect(self._on_change)
        self._on_change()

    @property
    def selected_record(self) -> BatchRecord | None:
        """The record of the selected row."""
        selection = self.selectionModel()
        rows = [] if selection is None else selection.selectedRows()
        return self.images.record_at(rows[0].row()) if rows else None

    def sizeHint(self) -> QSize:
        """Return room for some rows."""
        return QSize(super().sizeHint().width(), height_of_rows(self, _USUAL_ROWS))

    def minimumSizeHint(self) -> QSize:
        """Return room for enough columns and rows to see what happens."""
        width = sum(_WIDTHS.values()) - _WIDTHS[BatchTableModel.ERROR] + _NAME_WIDTH
        return QSize(width, height_of_rows(self, _LEAST_ROWS))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Give names the room that is left; errors stand to the right of it all."""
        super().resizeEvent(event)
        viewport = self.viewport()
        assert viewport is not None
        others = sum(self.columnWidth(c) for c in _WIDTHS if c != BatchTableModel.ERROR)
        width = max(viewport.width() - others, _NAME_WIDTH // 2)
        self.setColumnWidth(BatchTableModel.NAME, width)

    def _on_double_click(self, index: QModelIndex) -> None:
        self.visited.emit(self.images.record_at(index.row()))

    def _on_change(self, *_: object) -> None:
        has_errors = self.images.has_errors
        if has_errors == self.isColumnHidden(BatchTableModel.ERROR):
            self.setColumnHidden(BatchTableModel.ERROR, not has_errors)
        self.selection_changed.emit()


class _Names(QStyledItemDelegate):
    """Names of images, which differ at their ends."""

    def initStyleOption(
        self, option: QStyleOptionViewItem | None, index: QModelIndex
    ) -> None:
        """Leave out the beginning where there is no room for all."""
        super().initStyleOption(option, index)
        assert option is not None
        option.textElideMode = Qt.TextElideMode.ElideLeft

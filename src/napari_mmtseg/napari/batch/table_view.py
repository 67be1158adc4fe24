"""View of the batch table."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QStyledItemDelegate, QStyleOptionViewItem

from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.napari.batch.table import BatchTableModel
from napari_mmtseg.napari.shared.table import TableView

_WIDTHS = {
    BatchTableModel.STATUS: 82,
    BatchTableModel.TIME: 54,
    BatchTableModel.CLASSES: 58,
    BatchTableModel.ERROR: 240,
}
_NAME_WIDTH = 168
_LEAST_ROWS, _USUAL_ROWS = 6, 10


class BatchTableView(TableView):
    """A table of images, of which one can be selected."""

    def __init__(self) -> None:
        images = BatchTableModel()
        super().__init__(images, _WIDTHS)
        self.images = images
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setItemDelegateForColumn(BatchTableModel.NAME, _Names(self))
        selection = self.selectionModel()
        assert selection is not None
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.doubleClicked.connect(
            lambda index: self.visited.emit(images.record_at(index.row()))
        )
        selection.selectionChanged.connect(self._on_change)
        for changed in (images.dataChanged, images.layoutChanged, images.modelReset):
            changed.connect(self._on_change)
        self._on_change()

    @property
    def selected_record(self) -> BatchRecord | None:
        """The record of the selected row."""
        selection = self.selectionModel()
        rows = [] if selection is None else selection.selectedRows()
        return self.images.record_at(rows[0].row()) if rows else None

    def sizeHint(self) -> QSize:
        """Return room for some rows."""
        return QSize(super().sizeHint().width(), self.height_of_rows(_USUAL_ROWS))

    def minimumSizeHint(self) -> QSize:
        """Return room for enough columns and rows to follow a batch."""
        width = sum(_WIDTHS.values()) - _WIDTHS[BatchTableModel.ERROR] + _NAME_WIDTH
        return QSize(width, self.height_of_rows(_LEAST_ROWS))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Give names the remaining width; errors stand to the right of everything."""
        super().resizeEvent(event)
        viewport = self.viewport()
        assert viewport is not None
        others = sum(self.columnWidth(c) for c in _WIDTHS if c != BatchTableModel.ERROR)
        width = max(viewport.width() - others, _NAME_WIDTH // 2)
        self.setColumnWidth(BatchTableModel.NAME, width)

    def _on_change(self, *_: object) -> None:
        has_errors = self.images.has_errors
        if has_errors == self.isColumnHidden(BatchTableModel.ERROR):
            self.setColumnHidden(BatchTableModel.ERROR, not has_errors)
        self.selection_changed.emit()


class _Names(QStyledItemDelegate):
    """Shows the end of a long name, in which names of images differ."""

    def initStyleOption(
        self, option: QStyleOptionViewItem | None, index: QModelIndex
    ) -> None:
        """Leave out the beginning of a name that is too long."""
        super().initStyleOption(option, index)
        assert option is not None
        option.textElideMode = Qt.TextElideMode.ElideLeft

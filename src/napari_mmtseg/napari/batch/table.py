"""The batch table, a row for every image: its model and its view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QModelIndex, QPointF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QStyledItemDelegate, QStyleOptionViewItem

from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.napari.runs.progress import duration
from napari_mmtseg.napari.shared.table import WIDEST, Column, SortedTable, TableView

Role = Qt.ItemDataRole

_ORDER = ("failed", "running", "done", "skipped", "cancelled", "waiting")
"""Order of rows that are sorted by status: those that need a look first."""

_WORDS = {"skipped": "was done"}
"""Words for a status whose name alone is not clear."""

_NAME = "Name of the image; double-click a row to open it with its labels"
_STATUS = "waiting, running, done, was done (in an earlier run), failed or cancelled"
_ERROR = "Why there are no labels; select a row to read all of it"


def _column(
    title: str,
    tooltip: str,
    sort_by: Callable[[BatchRecord], Any],
    text: Callable[[BatchRecord], str],
    is_number: bool = False,
) -> Column:
    return Column(
        title,
        tooltip,
        lambda records: [sort_by(record) for record in records],
        # A table shows one line; the tooltip shows all.
        lambda records, i: text(records[i]).partition("\n")[0],
        is_number,
    )


def _time(record: BatchRecord) -> str:
    seconds = record.seconds
    if not seconds:
        return ""
    return f"{max(seconds, 0.1):.1f} s" if seconds < 60 else duration(seconds)


def _n_labels(record: BatchRecord) -> str:
    return f"{record.n_labels:,}" if record.n_labels else ""


def _error(record: BatchRecord) -> str:
    return record.error.removeprefix(f"{record.item.image} ")


COLUMNS = (
    _column("Image", _NAME, lambda r: r.item.name.casefold(), lambda r: r.item.name),
    _column(
        "Status",
        _STATUS,
        lambda r: _ORDER.index(r.status),
        lambda r: _WORDS.get(r.status, r.status),
    ),
    _column("Time", "Time that the image took", lambda r: r.seconds, _time, True),
    _column(
        "Classes", "Number of different labels", lambda r: r.n_labels, _n_labels, True
    ),
    _column("Error", _ERROR, lambda r: (not r.error, r.error), _error),
)


class BatchTableModel(SortedTable):
    """Records of a batch in rows; independent of folders and runs."""

    NAME, STATUS, TIME, CLASSES, ERROR = range(5)
    content: list[BatchRecord]

    def __init__(self) -> None:
        super().__init__(COLUMNS, [])
        self._place_of: dict[str, int] = {}
        self.has_errors = False
        self._colors: Mapping[str, QColor] = {}

    @property
    def records(self) -> Sequence[BatchRecord]:
        """All records, in the order of the batch."""
        return self.content

    def record_at(self, row: int) -> BatchRecord:
        """Return the record of a row."""
        return self.records[self.place(row)]

    def show_records(self, records: Iterable[BatchRecord]) -> None:
        """Show the records of another batch."""
        content = list(records)
        self.has_errors = any(record.error for record in content)
        self._place_of = {record.item.name: i for i, record in enumerate(content)}
        self.show_content(content)

    def show_plan(self, records: Iterable[BatchRecord]) -> None:
        """Show the images of a plan, and keep the state of images shown before."""
        planned = list(records)
        if not _are_same(planned, self.records):
            self.show_records(planned)
            return
        self.update_records(
            new
            for new, old in zip(planned, self.records, strict=True)
            if old.status == "waiting"
            or (new.status == "skipped" and old.status != "done")
        )

    def restart(self, *, resume: bool) -> None:
        """Let all images wait; on resuming, all except those that are done."""
        kept = ("done", "skipped") if resume else ()
        self.show_records(
            r if r.status in kept else BatchRecord(r.item, "waiting")
            for r in self.records
        )

    def end(self) -> None:
        """Mark the images that still wait as cancelled."""
        self.update_records(
            replace(r, status="cancelled")
            for r in self.records
            if r.status in ("waiting", "running")
        )

    def update_records(self, records: Iterable[BatchRecord]) -> None:
        """Show the new state of images, by name; one signal for all of them."""
        places = []
        for record in records:
            place = self._place_of.get(record.item.name)
            if place is not None:
                self.content[place] = record
                self.has_errors |= bool(record.error)
                places.append(place)
        if not places:
            return
        if self._sorting[0] in (-1, self.NAME):  # rows stay where they are
            self.refresh(places)
        else:
            self.sort(*self._sorting)

    def show_colors(self, colors: Mapping[str, QColor]) -> None:
        """Show other colours, by status."""
        self._colors = dict(colors)
        self.refresh()

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> Any:
        """Return text, tooltip or dot of a cell."""
        if index.isValid() and role in (Role.ToolTipRole, Role.DecorationRole):
            record, column = self.record_at(index.row()), index.column()
            if role == Role.DecorationRole:
                color = self._colors.get(record.status)
                return status_dot(color) if column == self.STATUS else None
            if column == self.NAME:
                return str(record.item.image)
            if record.error:
                return record.error
        return super().data(index, role)


def _are_same(new: Sequence[BatchRecord], old: Sequence[BatchRecord]) -> bool:
    """Whether these are the same images; ten thousand paths take long to compare."""
    names = [[record.item.name for record in records] for records in (new, old)]
    return names[0] == names[1] and [r.item for r in new[:1]] == [
        r.item for r in old[:1]
    ]


_SIZE = 12
_RADIUS = 4
_ROLES = {
    "waiting": "secondary",
    "running": "warning",
    "done": "current",
    "skipped": "current",
    "failed": "error",
    "cancelled": "secondary",
}
"""Colour of a status, by its name in a theme of napari."""


def status_colors(theme: str) -> dict[str, QColor]:
    """Return the colour of every status in one of napari's themes."""
    colors = get_theme(theme)
    return {
        status: QColor(*getattr(colors, role).as_rgb_tuple(alpha=False))
        for status, role in _ROLES.items()
    }


def status_dot(color: QColor | None) -> QIcon | None:
    """Return a dot of a colour."""
    return None if color is None else _dot(color.rgb())


@lru_cache(maxsize=64)
def _dot(rgb: int) -> QIcon:
    pixmap = QPixmap(QSize(_SIZE, _SIZE))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(rgb))
    painter.drawEllipse(QPointF(_SIZE / 2, _SIZE / 2), _RADIUS, _RADIUS)
    painter.end()
    icon = QIcon(pixmap)
    # Without one of its own, Qt tints it in a selected row.
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon


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
        return QSize(min(width, WIDEST), self.height_of_rows(_LEAST_ROWS))

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

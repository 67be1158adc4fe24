"""The table of a batch: a row for every image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QPointF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap

from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.napari.runs.progress import duration

__all__ = ["BatchTableModel", "Column", "status_colors", "status_dot"]

Role = Qt.ItemDataRole

_ORDER = ("failed", "running", "done", "skipped", "cancelled", "waiting")
"""What is sorted by status: first what needs a look."""

_WORDS = {"skipped": "was done"}
"""What a status is called where its name alone does not tell."""


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    title, tooltip : str
        Of the header.
    sort_by : callable
        Returns what a row is sorted by.
    text : callable
        Returns the text of a row.
    changes : bool
        Whether it changes while a batch runs.
    is_number : bool
        Whether it is aligned as numbers are.
    """

    title: str
    tooltip: str
    sort_by: Callable[[BatchRecord], Any]
    text: Callable[[BatchRecord], str]
    changes: bool = True
    is_number: bool = False


COLUMNS = (
    Column(
        "Image",
        "Name of the image; double-click a row to open it with its labels",
        lambda r: r.item.name.casefold(),
        lambda r: r.item.name,
        changes=False,
    ),
    Column(
        "Status",
        "waiting, running, done, was done (in an earlier run), failed or cancelled",
        lambda r: _ORDER.index(r.status),
        lambda r: _WORDS.get(r.status, r.status),
    ),
    Column(
        "Time",
        "Time that the image took",
        lambda r: r.seconds,
        lambda r: _time(r.seconds),
        is_number=True,
    ),
    Column(
        "Classes",
        "Number of different labels in the image",
        lambda r: r.n_labels,
        lambda r: f"{r.n_labels:,}" if r.n_labels else "",
        is_number=True,
    ),
    Column(
        "Error",
        "Why there are no labels; select a row to read all of it",
        lambda r: (not r.error, r.error),
        lambda r: r.error.removeprefix(f"{r.item.image} "),
    ),
)


class BatchTableModel(QAbstractTableModel):
    """Records of a batch in any order; knows nothing of folders and runs."""

    NAME, STATUS, TIME, CLASSES, ERROR = range(5)

    def __init__(self) -> None:
        super().__init__()
        self._records: list[BatchRecord] = []
        self._place: dict[str, int] = {}
        self._order: list[int] = []
        self._rows: list[int] = []
        self._sorting = -1, Qt.SortOrder.AscendingOrder
        self._has_errors = False
        self._colors: Mapping[str, QColor] = {}

    @property
    def records(self) -> Sequence[BatchRecord]:
        """All records, in the order of the batch."""
        return self._records

    @property
    def has_errors(self) -> bool:
        """Whether an image has failed."""
        return self._has_errors

    def record_at(self, row: int) -> BatchRecord:
        """Return the record of a row."""
        return self._records[self._order[row]]

    def show_records(self, records: Iterable[BatchRecord]) -> None:
        """Show the records of another batch."""
        self.beginResetModel()
        self._records = list(records)
        self._has_errors = any(record.error for record in self._records)
        self._place = {record.item.name: i for i, record in enumerate(self._records)}
        self._sort()
        self.endResetModel()

    def show_plan(self, records: Iterable[BatchRecord]) -> None:
        """Show the images of a plan; what is known of the same ones stays."""
        planned = list(records)
        if not _are_same(planned, self._records):
            self.show_records(planned)
            return
        self.update_records(
            new
            for new, old in zip(planned, self._records, strict=True)
            if old.status == "waiting"
            or (new.status == "skipped" and old.status != "done")
        )

    def restart(self, *, resume: bool) -> None:
        """Let all images wait, or, on the way on, all but those that are done."""
        kept = ("done", "skipped") if resume else ()
        self.show_records(
            r if r.status in kept else BatchRecord(r.item, "waiting")
            for r in self._records
        )

    def end(self) -> None:
        """Show that nothing more happens to the images that still wait."""
        self.update_records(
            replace(r, status="cancelled")
            for r in self._records
            if r.status in ("waiting", "running")
        )

    def update_records(self, records: Iterable[BatchRecord]) -> None:
        """Show what has become of images, by name; one signal for all of them."""
        places = []
        for record in records:
            place = self._place.get(record.item.name)
            if place is not None:
                self._records[place] = record
                self._has_errors |= bool(record.error)
                places.append(place)
        if not places:
            return
        column, _ = self._sorting
        if column >= 0 and COLUMNS[column].changes:
            self.sort(*self._sorting)
            return
        rows = [self._rows[place] for place in places]
        last = self.columnCount() - 1
        self.dataChanged.emit(self.index(min(rows), 0), self.index(max(rows), last))

    def show_colors(self, colors: Mapping[str, QColor]) -> None:
        """Show other colours, by status."""
        self._colors = dict(colors)
        if self._records:
            last = self.index(self.rowCount() - 1, self.STATUS)
            self.dataChanged.emit(self.index(0, self.STATUS), last)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of images."""
        return 0 if parent is not None and parent.isValid() else len(self._records)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        """Return title or tooltip of a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Role.DisplayRole:
            return COLUMNS[section].title
        if role == Role.ToolTipRole:
            return COLUMNS[section].tooltip
        if role == Role.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> Any:
        """Return what a cell shows."""
        if not index.isValid():
            return None
        column = index.column()
        if role == Role.TextAlignmentRole:
            return _alignment(column)
        record = self.record_at(index.row())
        if role == Role.DisplayRole:
            # A table shows one line; the tooltip shows all.
            return COLUMNS[column].text(record).partition("\n")[0]
        if role == Role.ToolTipRole:
            if column == self.NAME:
                return str(record.item.image)
            return record.error or COLUMNS[column].text(record)
        if role == Role.DecorationRole and column == self.STATUS:
            return status_dot(self._colors.get(record.status))
        return None

    def sort(
        self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder
    ) -> None:
        """Sort by a column; by none, -1, rows stand in the order of the batch."""
        self._sorting = column, order
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        places = [self._order[index.row()] for index in before]
        self._sort()
        after = [
            self.index(self._rows[place], index.column())
            for place, index in zip(places, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _sort(self) -> None:
        column, order = self._sorting
        self._order = list(range(len(self._records)))
        if column >= 0:
            keys = [COLUMNS[column].sort_by(record) for record in self._records]
            is_down = order == Qt.SortOrder.DescendingOrder
            self._order.sort(key=keys.__getitem__, reverse=is_down)
        self._rows = [0] * len(self._order)
        for row, place in enumerate(self._order):
            self._rows[place] = row


def _are_same(new: Sequence[BatchRecord], old: Sequence[BatchRecord]) -> bool:
    """Whether these are the same images; ten thousand paths take long to compare."""
    names = [[record.item.name for record in records] for records in (new, old)]
    return names[0] == names[1] and [r.item for r in new[:1]] == [
        r.item for r in old[:1]
    ]


def _alignment(column: int) -> int:
    number = COLUMNS[column].is_number
    side = Qt.AlignmentFlag.AlignRight if number else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)


def _time(seconds: float) -> str:
    if not seconds:
        return ""
    return f"{max(seconds, 0.1):.1f} s" if seconds < 60 else duration(seconds)


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
"""Which of the theme's colours a status has."""


def status_colors(theme: str) -> dict[str, QColor]:
    """Return the colour of every status.

    Parameters
    ----------
    theme : str
        Name of one of napari's themes.
    """
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

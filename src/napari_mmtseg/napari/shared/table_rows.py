"""How the tables of all panels look: rows, close to each other, without a grid."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

__all__ = ["height_of_rows", "set_up_rows"]


def set_up_rows(
    view: QTableView, widths: Mapping[int, int], stretched: int | None = None
) -> None:
    """Let a table show whole rows that can be selected and sorted.

    Parameters
    ----------
    view : QTableView
        The table; its model is set.
    widths : mapping of int to int
        Width of columns.
    stretched : int, optional
        The column that takes what is left.
    """
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
    view.setTabKeyNavigation(False)
    view.setSortingEnabled(True)
    rows, header = view.verticalHeader(), view.horizontalHeader()
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
        view.setColumnWidth(column, width)
    if stretched is not None:
        header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)


def height_of_rows(view: QTableView, n: int) -> int:
    """Return the height of a table that shows so many rows."""
    rows, header = view.verticalHeader(), view.horizontalHeader()
    assert rows is not None
    assert header is not None
    return int(n * rows.defaultSectionSize() + header.sizeHint().height() + 4)

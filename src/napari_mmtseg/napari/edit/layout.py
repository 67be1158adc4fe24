"""Layout of the Edit labels panel."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_mmtseg.napari.edit.fields import EditFields

__all__ = ["arrange"]


def arrange(
    buttons: Mapping[str, QPushButton],
    fields: EditFields,
    *,
    target: QWidget,
    reason: QWidget,
    table: QWidget,
    table_rows: QVBoxLayout,
    status: QWidget,
) -> QWidget:
    """Return the content of the panel.

    Parameters
    ----------
    buttons : mapping
        One for every action, by its name.
    fields : EditFields
        Sizes and their unit.
    target, reason, table, status : QWidget
        Layer choice, why it cannot be edited, its classes, and the latest change.
    table_rows : QVBoxLayout
        Rows of buttons below the table.
    """
    content = QWidget()
    layout = QVBoxLayout(content)
    layout.setContentsMargins(6, 6, 6, 6)
    layout.setSpacing(6)
    layout.addWidget(target)
    layout.addWidget(reason)
    layout.addWidget(table)
    table_rows.addLayout(_grid(buttons, [["pick", "highlight"]]))
    layout.addLayout(table_rows)
    layout.addWidget(_heading("Classes"))
    layout.addLayout(
        _grid(buttons, [["merge", "swap"], ["background", "rename"], ["relabel"]])
    )
    layout.addWidget(_heading("Regions"))
    regions = _grid(buttons, [["split", "split_region"]])
    for name, field in (
        ("remove_islands", fields.island_size),
        ("fill_holes", fields.hole_size),
        ("smooth", fields.radius),
    ):
        row = regions.rowCount()
        regions.addWidget(buttons[name], row, 0)
        regions.addWidget(field, row, 1)
    regions.addWidget(QLabel("Sizes in"), regions.rowCount(), 0)
    regions.addWidget(fields.unit, regions.rowCount() - 1, 1)
    layout.addLayout(regions)
    layout.addWidget(_heading("Changes"))
    layout.addLayout(_grid(buttons, [["undo", "redo"], ["preview"]]))
    layout.addWidget(status)
    decide = QHBoxLayout()
    for name in ("apply", "cancel"):
        decide.addWidget(buttons[name])
        buttons[name].hide()
    layout.addLayout(decide)
    layout.addLayout(_grid(buttons, [["save_table", "save_labels"]]))
    layout.addStretch()
    return content


def _grid(buttons: Mapping[str, QPushButton], rows: list[list[str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(4)
    grid.setColumnStretch(0, 1)
    grid.setColumnStretch(1, 1)
    for i, row in enumerate(rows):
        for j, name in enumerate(row):
            span = 2 if len(row) == 1 else 1
            grid.addWidget(buttons[name], i, j, 1, span)
    return grid


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label

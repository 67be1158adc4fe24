"""Where everything stands in the Edit labels panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_mmtseg.napari.edit.panel import EditWidget

__all__ = ["arrange"]


def arrange(panel: EditWidget) -> QWidget:
    """Return the content of the panel.

    Parameters
    ----------
    panel : EditWidget
        Whose buttons, table and fields are arranged.
    """
    content = QWidget()
    layout = QVBoxLayout(content)
    layout.setContentsMargins(6, 6, 6, 6)
    layout.setSpacing(6)
    layout.addWidget(panel.target)
    layout.addWidget(panel.reason)
    layout.addWidget(panel.table)
    panel.table_rows.addLayout(_grid(panel, [["pick", "highlight"]]))
    layout.addLayout(panel.table_rows)
    layout.addWidget(_heading("Classes"))
    layout.addLayout(
        _grid(panel, [["merge", "swap"], ["background", "rename"], ["relabel"]])
    )
    layout.addWidget(_heading("Regions"))
    regions = _grid(panel, [["split", "split_region"]])
    fields = panel.fields
    for name, field in (
        ("remove_islands", fields.island_size),
        ("fill_holes", fields.hole_size),
        ("smooth", fields.radius),
    ):
        row = regions.rowCount()
        regions.addWidget(panel.buttons[name], row, 0)
        regions.addWidget(field, row, 1)
    regions.addWidget(QLabel("Sizes in"), regions.rowCount(), 0)
    regions.addWidget(fields.unit, regions.rowCount() - 1, 1)
    layout.addLayout(regions)
    layout.addWidget(_heading("Changes"))
    layout.addLayout(_grid(panel, [["undo", "redo"], ["preview"]]))
    layout.addWidget(panel.status)
    decide = QHBoxLayout()
    for name in ("apply", "cancel"):
        decide.addWidget(panel.buttons[name])
        panel.buttons[name].hide()
    layout.addLayout(decide)
    layout.addLayout(_grid(panel, [["save_table", "save_labels"]]))
    layout.addStretch()
    return content


def _grid(panel: EditWidget, rows: list[list[str]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(4)
    grid.setColumnStretch(0, 1)
    grid.setColumnStretch(1, 1)
    for i, row in enumerate(rows):
        for j, name in enumerate(row):
            span = 2 if len(row) == 1 else 1
            grid.addWidget(panel.buttons[name], i, j, 1, span)
    return grid


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label

"""Buttons and layout of the Edit labels panel."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtWidgets import (
    QGridLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_mmtseg.napari.edit.actions import ACTIONS
from napari_mmtseg.napari.edit.fields import EditFields

_LONG = 20
"""Letters of a title above which a button has a row for itself."""


def make_buttons() -> dict[str, QPushButton]:
    """Return a button for every action, by its name."""
    buttons = {}
    for name, action in ACTIONS.items():
        buttons[name] = QPushButton(action.title)
        buttons[name].setToolTip(action.tooltip)
        buttons[name].setCheckable(action.is_toggle)
    return buttons


def arrange(
    buttons: Mapping[str, QPushButton],
    fields: EditFields,
    *,
    target: QWidget,
    reason: QWidget,
    table: QWidget,
    status: QWidget,
) -> QWidget:
    """Return the content of the panel."""
    content = QWidget()
    layout = QVBoxLayout(content)
    layout.setContentsMargins(6, 6, 6, 6)
    layout.setSpacing(6)
    for widget in (target, reason, table):
        layout.addWidget(widget)
    layout.addLayout(_grid("Table", buttons, fields))
    for group in ("Classes", "Regions", "Objects", "Changes"):
        heading = QLabel(group)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        layout.addWidget(heading)
        if group == "Objects":
            layout.addWidget(fields.objects)
        layout.addLayout(_grid(group, buttons, fields))
    layout.addWidget(status)
    layout.addLayout(_grid("Preview", buttons, fields))
    layout.addLayout(_grid("Files", buttons, fields))
    layout.addStretch()
    for name in ("apply", "cancel"):
        buttons[name].hide()
    return content


def _grid(
    group: str, buttons: Mapping[str, QPushButton], fields: EditFields
) -> QGridLayout:
    """Return the buttons of a group in pairs, and those with a field below."""
    grid = QGridLayout()
    grid.setSpacing(4)
    grid.setColumnStretch(0, 1)
    grid.setColumnStretch(1, 1)
    names = [name for name, action in ACTIONS.items() if action.group == group]
    sized = [name for name in names if ACTIONS[name].field]
    paired = [name for name in names if name not in sized]
    row = column = 0
    for name in paired:
        is_last = name == paired[-1] and not column
        is_alone = is_last or len(ACTIONS[name].title) > _LONG
        if is_alone and column:
            row, column = row + 1, 0
        grid.addWidget(buttons[name], row, column, 1, 2 if is_alone else 1)
        row, column = (row, 1) if not (is_alone or column) else (row + 1, 0)
    for row, name in enumerate(sized, start=grid.rowCount()):
        grid.addWidget(buttons[name], row, 0)
        grid.addWidget(getattr(fields, ACTIONS[name].field), row, 1)
    if sized:
        grid.addWidget(QLabel("Sizes in"), grid.rowCount(), 0)
        grid.addWidget(fields.unit, grid.rowCount() - 1, 1)
    return grid

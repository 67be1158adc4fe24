"""Buttons, shortcuts and layout of the Edit labels panel."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractButton,
    QGridLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QShortcut,
    QVBoxLayout,
    QWidget,
)

from napari_mmtseg.napari.edit.actions import ACTIONS
from napari_mmtseg.napari.edit.fields import EditFields


def make_buttons() -> dict[str, QPushButton]:
    """Return a button for every action, by its name."""
    buttons = {}
    for name, action in ACTIONS.items():
        buttons[name] = QPushButton(action.title)
        buttons[name].setToolTip(action.tooltip)
        buttons[name].setCheckable(action.is_toggle)
    return buttons


class EditShortcuts:
    """The shortcuts of one panel, for buttons by the names in :data:`ACTIONS`.

    They belong to napari's window, so that they work wherever the focus is and also
    when the panel floats. A field in which text is typed keeps its keys.
    """

    def __init__(self, buttons: Mapping[str, QAbstractButton]) -> None:
        self._buttons = buttons
        self._shortcuts: list[QShortcut] = []

    def bind(self, panel: QWidget) -> None:
        """Bind all keys in the window of a panel; without effect if they are bound."""
        window = _main_window(panel)
        if self._shortcuts or window is None:
            return
        for name, action in ACTIONS.items():
            if action.shortcut:
                shortcut = QShortcut(QKeySequence(action.shortcut), window)
                shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
                shortcut.activated.connect(self._buttons[name].click)
                self._shortcuts.append(shortcut)

    def release(self) -> None:
        """Give the keys back."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []


def _main_window(widget: QWidget) -> QWidget | None:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent


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
    for i, name in enumerate(paired):
        is_alone = i == len(paired) - 1 and i % 2 == 0
        grid.addWidget(buttons[name], i // 2, i % 2, 1, 2 if is_alone else 1)
    for row, name in enumerate(sized, start=grid.rowCount()):
        grid.addWidget(buttons[name], row, 0)
        grid.addWidget(getattr(fields, ACTIONS[name].field), row, 1)
    if sized:
        grid.addWidget(QLabel("Sizes in"), grid.rowCount(), 0)
        grid.addWidget(fields.unit, grid.rowCount() - 1, 1)
    return grid

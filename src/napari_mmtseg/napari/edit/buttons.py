"""Buttons and shortcuts of the Edit labels panel."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QAbstractButton, QMainWindow, QPushButton, QShortcut, QWidget

from napari_mmtseg.napari.edit.actions import ACTIONS


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

    @property
    def keys(self) -> list[str]:
        """The keys that are bound now."""
        return [shortcut.key().toString() for shortcut in self._shortcuts]

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

"""Keys of a panel that work in the whole window."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QAbstractButton, QMainWindow, QShortcut, QWidget


class WindowShortcuts:
    """The keys of one panel, for the buttons that they press.

    They belong to napari's window, so that they work wherever the focus is and also
    when the panel floats. A field in which text is typed keeps its keys.
    """

    def __init__(self, buttons: Mapping[str, QAbstractButton]) -> None:
        self._buttons = dict(buttons)
        self._shortcuts: list[QShortcut] = []

    def bind(self, panel: QWidget) -> None:
        """Bind all keys in the window of a panel; without effect if they are bound."""
        window = main_window(panel)
        if self._shortcuts or window is None:
            return
        for keys, button in self._buttons.items():
            shortcut = QShortcut(QKeySequence(keys), window)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(button.click)
            self._shortcuts.append(shortcut)

    def release(self) -> None:
        """Give the keys back."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []


def main_window(widget: QWidget) -> QMainWindow | None:
    """Return the window that a panel is docked in, also while it floats."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent

"""Text of several lines that fits into any width."""

from __future__ import annotations

import re

from qtpy.QtCore import Qt
from qtpy.QtGui import (
    QClipboard,
    QContextMenuEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
)
from qtpy.QtWidgets import QApplication, QLabel, QMenu

__all__ = ["CopyableLabel", "WrappedLabel"]

_BREAK = "\u200b"
"""Takes no room; a line may end there."""

_LONG = 16
"""Characters of a word that need not be broken."""

_BREAKABLE = re.compile(rf"([_\-./\\:=,]+|[^_\-./\\:=,]{{{_LONG}}})(?=.)")


class WrappedLabel(QLabel):
    """A label whose lines also end within long names and paths.

    Qt breaks lines between words only: a name without a space would make a panel wider
    than its dock.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = ""
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)  # names may look like tags
        self.setText(text)

    def text(self) -> str:
        """Return the text as it was given."""
        return self._text

    def setText(self, text: str | None) -> None:
        """Show a text."""
        self._text = text or ""
        words = rf"\S{{{_LONG + 1},}}"
        super().setText(re.sub(words, _with_breaks, self._text))


class CopyableLabel(WrappedLabel):
    """A label that text can be copied from, as it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def selectedText(self) -> str:
        """Return what is selected, as it was given."""
        return super().selectedText().replace(_BREAK, "")

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy what is selected."""
        assert event is not None
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Offer what is selected to the middle button, where it pastes."""
        super().mouseReleaseEvent(event)
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        if self.hasSelectedText() and clipboard.supportsSelection():
            self._copy(QClipboard.Mode.Selection)

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """Offer to copy what is selected, or all."""
        assert event is not None
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction("Copy")
        assert copy is not None
        copy.triggered.connect(lambda: self._copy())
        menu.popup(event.globalPos())

    def _copy(self, mode: QClipboard.Mode = QClipboard.Mode.Clipboard) -> None:
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(self.selectedText() or self.text(), mode)


def _with_breaks(word: re.Match[str]) -> str:
    return _BREAKABLE.sub(rf"\1{_BREAK}", word[0])

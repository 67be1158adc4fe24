"""Labels whose text fits into any width."""

from __future__ import annotations

import re

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QApplication, QLabel

_BREAK = "\u200b"
"""Invisible character at which a line may end."""

_LONG = 16
"""Length of a word that need not be broken."""

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
    """A label whose text can be selected and copied with Ctrl+C, without the breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # Qt's own menu would copy the breaks as well.
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    def selectedText(self) -> str:
        """Return the selected text, as it was given."""
        return super().selectedText().replace(_BREAK, "")

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy the selected text, or all of it."""
        assert event is not None
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        if event.matches(QKeySequence.StandardKey.Copy):
            clipboard.setText(self.selectedText() or self.text())
        else:
            super().keyPressEvent(event)


def _with_breaks(word: re.Match[str]) -> str:
    return _BREAKABLE.sub(rf"\1{_BREAK}", word[0])

"""Fields for numbers that read what they show, in every language."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QLocale, QObject
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QDoubleSpinBox

_DIGITS = 6
"""Significant digits that a short number shows."""


class ShortNumberField(QDoubleSpinBox):
    """A field that shows six digits of a number, without trailing zeros.

    The digits that are not shown stay until another number is typed.
    """

    def __init__(self) -> None:
        super().__init__()
        read_as_shown(self)

    def textFromValue(self, value: float) -> str:
        """Return the number in its shortest form."""
        number = float(f"{value:.{_DIGITS}g}")
        text: str = self.locale().toString(number, "f", self.decimals())
        point = self.locale().decimalPoint()
        if point not in text:
            return text
        return text.rstrip(self.locale().zeroDigit()).removesuffix(point)

    def valueFromText(self, text: str | None) -> float:
        """Return the number of a text; the present one, in full, if it is its text."""
        assert text is not None
        if self.shown(text) == self.textFromValue(self.value()):
            return self.value()
        return float(super().valueFromText(text))

    def shown(self, text: str) -> str:
        """Return a text without prefix and suffix."""
        return text.removeprefix(self.prefix()).removesuffix(self.suffix()).strip()


def read_as_shown(box: QDoubleSpinBox) -> None:
    """Take point and comma for the decimal mark, and no mark between thousands.

    Qt skips marks between thousands wherever they stand: where a comma is the decimal
    mark, it reads 2.25 as 225.
    """
    locale = box.locale()
    options = QLocale.NumberOption
    locale.setNumberOptions(options.RejectGroupSeparator | options.OmitGroupSeparator)
    box.setLocale(locale)
    box.installEventFilter(_DecimalMarks(box))


class _DecimalMarks(QObject):
    """Types the decimal mark of a field's language for a point or a comma."""

    def eventFilter(self, box: QObject | None, event: QEvent | None) -> bool:
        """Replace a key that is the decimal mark of other languages."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        assert isinstance(box, QDoubleSpinBox)
        point = box.locale().decimalPoint()
        if event.text() not in (".", ","):
            return False
        if not box.decimals():  # a mark between thousands
            return True
        if event.text() == point:
            return False
        QApplication.sendEvent(
            box, QKeyEvent(event.type(), event.key(), event.modifiers(), point)
        )
        return True

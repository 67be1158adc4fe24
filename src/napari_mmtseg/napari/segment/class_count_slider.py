"""Slider for the class count, with the automatic one marked."""

from __future__ import annotations

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QPainter, QPaintEvent, QPolygonF
from qtpy.QtWidgets import (
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QWidget,
)


class ClassCountSlider(QWidget):
    """A slider for the class count; `changed` emits what the user chooses."""

    changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._on_value)
        self.number = QLabel()
        self.number.setMinimumWidth(self.fontMetrics().horizontalAdvance("000"))
        self.number.setAlignment(
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )
        self._mark = _Mark(self.slider)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(0)
        layout.addWidget(self.slider, 0, 0)
        layout.addWidget(self.number, 0, 1)
        layout.addWidget(self._mark, 1, 0)

    @property
    def automatic(self) -> int:
        """The number that is marked."""
        return self._mark.value

    def set_numbers(self, value: int, finest: int, automatic: int) -> None:
        """Show a number and its range, without emitting `changed`."""
        self.slider.blockSignals(True)
        self.slider.setRange(1, finest)
        self.slider.setValue(value)
        self.slider.blockSignals(False)
        self.number.setText(str(value))
        self._mark.value = automatic
        self._mark.update()

    def _on_value(self, value: int) -> None:
        self.number.setText(str(value))
        self.changed.emit(value)


class _Mark(QWidget):
    """The word "auto" below the place of a value on a slider."""

    def __init__(self, slider: QSlider) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._slider = slider
        self.value = 1

    def sizeHint(self) -> QSize:
        """Return the height of a triangle and a line of small text."""
        return QSize(60, self.fontMetrics().height() + 4)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw in the colours of the theme."""
        slider = self._slider
        if not slider.isEnabled():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = self.palette().color(self.foregroundRole())
        painter.setPen(colour)
        painter.setBrush(colour)
        x = self._place()
        painter.drawPolygon(
            QPolygonF([QPointF(x, 0), QPointF(x - 3.5, 5), QPointF(x + 3.5, 5)])
        )
        width = self.fontMetrics().horizontalAdvance("auto") + 2
        left = min(max(x - width / 2, 0), self.width() - width)
        painter.drawText(
            QRectF(left, 5, width, self.height() - 5),
            Qt.AlignmentFlag.AlignCenter,
            "auto",
        )

    def _place(self) -> float:
        slider = self._slider
        option = QStyleOptionSlider()
        slider.initStyleOption(option)
        style = slider.style()
        assert style is not None
        handle = style.pixelMetric(QStyle.PixelMetric.PM_SliderLength, option, slider)
        offset = QStyle.sliderPositionFromValue(
            slider.minimum(), slider.maximum(), self.value, slider.width() - handle
        )
        return offset + handle / 2

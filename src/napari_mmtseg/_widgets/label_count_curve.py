"""A small curve of the number of labels over the steps."""

from __future__ import annotations

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

__all__ = ["LabelCountCurve"]

_MARGIN = 4.0


class LabelCountCurve(QWidget):
    """Draws how many labels were left after each step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("Number of labels after each step")
        self._counts: dict[int, int] = {}
        self._n_steps = 1

    def sizeHint(self) -> QSize:
        """Return a strip of a few lines of text."""
        return QSize(120, 3 * self.fontMetrics().height())

    @property
    def counts(self) -> dict[int, int]:
        """Number of labels by step."""
        return dict(self._counts)

    def clear(self, n_steps: int) -> None:
        """Start an empty curve over `n_steps` steps."""
        self._counts, self._n_steps = {}, max(n_steps, 1)
        self.update()

    def add(self, step: int, n_labels: int) -> None:
        """Add the number of labels after a step."""
        self._counts[step] = n_labels
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the curve in the colours of the theme."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        faint = self.palette().color(QPalette.ColorRole.WindowText)
        faint.setAlpha(70)
        metrics = self.fontMetrics()
        most = max(self._counts.values(), default=1)
        left = metrics.horizontalAdvance(str(most)) + 2 * _MARGIN
        last = next(reversed(self._counts.values()), 0)
        right = self.width() - metrics.horizontalAdvance("000") - 2 * _MARGIN
        top, bottom = metrics.height() / 2, self.height() - metrics.height() / 2
        painter.setPen(QPen(faint, 1))
        painter.drawLine(QPointF(left, bottom), QPointF(right, bottom))
        if not self._counts:
            return

        def place(step: int, count: int) -> QPointF:
            return QPointF(
                left + (right - left) * step / self._n_steps,
                bottom - (bottom - top) * count / most,
            )

        points = [place(step, count) for step, count in sorted(self._counts.items())]
        painter.setPen(faint)
        for count, y in ((most, top), (0, bottom)):
            painter.drawText(
                QRectF(0, y - metrics.height() / 2, left - _MARGIN, metrics.height()),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                str(count),
            )
        painter.setPen(QPen(text, 1.5))
        painter.drawPolyline(QPolygonF(points))
        painter.drawText(points[-1] + QPointF(_MARGIN, metrics.ascent() / 2), str(last))

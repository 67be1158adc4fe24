"""A dot in the colour of a status, in the colours of napari's theme."""

from __future__ import annotations

from functools import lru_cache

from napari.utils.theme import get_theme
from qtpy.QtCore import QPointF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap

__all__ = ["status_colors", "status_dot"]

_SIZE = 12
_RADIUS = 4
_ROLES = {
    "waiting": "secondary",
    "running": "warning",
    "done": "current",
    "skipped": "current",
    "failed": "error",
    "cancelled": "secondary",
}
"""Which of the theme's colours a status has."""


def status_colors(theme: str) -> dict[str, QColor]:
    """Return the colour of every status.

    Parameters
    ----------
    theme : str
        Name of one of napari's themes.
    """
    colors = get_theme(theme)
    return {
        status: QColor(*getattr(colors, role).as_rgb_tuple(alpha=False))
        for status, role in _ROLES.items()
    }


def status_dot(color: QColor | None) -> QIcon | None:
    """Return a dot of a colour."""
    return None if color is None else _dot(color.rgb())


@lru_cache(maxsize=64)
def _dot(rgb: int) -> QIcon:
    pixmap = QPixmap(QSize(_SIZE, _SIZE))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(rgb))
    painter.drawEllipse(QPointF(_SIZE / 2, _SIZE / 2), _RADIUS, _RADIUS)
    painter.end()
    icon = QIcon(pixmap)
    # Without one of its own, Qt tints it in a selected row.
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon

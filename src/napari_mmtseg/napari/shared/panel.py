"""A narrow panel, which leaves room to the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QWidget

if TYPE_CHECKING:
    from napari.components import ViewerModel


class NarrowPanel(QScrollArea):
    """A panel as narrow as its content allows, which scrolls up and down."""

    closed = Signal()

    def show_content(self, content: QWidget) -> None:
        """Fill the panel."""
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:
        """Return the width that shows everything, with the scroll bar."""
        content, scroll_bar = self.widget(), self.verticalScrollBar()
        assert content is not None
        assert scroll_bar is not None
        width = content.minimumSizeHint().width() + scroll_bar.sizeHint().width()
        return QSize(width, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        """Return a narrow panel: the canvas needs the room."""
        return QSize(self.minimumSizeHint().width(), super().sizeHint().height())

    def showEvent(self, event: QShowEvent | None) -> None:
        """Ask for the width again: napari's style is known only now."""
        super().showEvent(event)
        self.updateGeometry()

    def event(self, event: QEvent | None) -> bool:
        """Report that the panel has been taken out of the window for good."""
        assert event is not None
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.closed.emit()
        return bool(super().event(event))


def warning_colour(viewer: ViewerModel) -> str:
    """Return the colour of warnings in the viewer's theme."""
    return str(get_theme(viewer.theme).warning.as_hex())

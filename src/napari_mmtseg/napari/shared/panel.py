"""Narrow panels, which leave room to the canvas, and open as tabs of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container
from magicgui.widgets.bases import Widget
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent, QShowEvent
from qtpy.QtWidgets import QDockWidget, QFrame, QScrollArea, QWidget

from napari_mmtseg.napari.shared.shortcuts import main_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel


class NarrowPanel(QScrollArea):
    """A panel as narrow as its content allows, which scrolls up and down.

    `opened` is emitted once, when the panel stands in its place on the screen,
    `returned` and `escaped` for keys that no field has taken.
    """

    opened = Signal()
    closed = Signal()
    returned = Signal()
    escaped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._docking = QTimer(self)
        self._docking.setSingleShot(True)
        self._docking.timeout.connect(self._join_other_panels)
        self._docking.timeout.connect(self.opened)
        self._is_docked = False
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # no stop of the Tab key

    def show_content(self, content: QWidget) -> None:
        """Fill the panel."""
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Become wide enough for what is shown: nothing is cut off."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.setMinimumWidth(self.minimumSizeHint().width())
        return bool(super().eventFilter(watched, event))

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
        if not self._is_docked:
            self._is_docked = True
            self._docking.start()  # the dock is still being added

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Report Return and Escape."""
        assert event is not None
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.returned.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent | None) -> bool:
        """Report that the panel has been taken out of the window for good."""
        assert event is not None
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.closed.emit()
        return bool(super().event(event))

    def _join_other_panels(self) -> None:
        """Become a tab of another panel in the same place: side by side they starve."""
        window, dock = main_window(self), _dock_of(self)
        if window is None or dock is None or dock.isFloating():
            return
        area = window.dockWidgetArea(dock)
        for other in window.findChildren(NarrowPanel):
            its = _dock_of(other)
            if its is None or its is dock or its.isFloating() or its.isHidden():
                continue
            if window.dockWidgetArea(its) == area:
                window.tabifyDockWidget(its, dock)
                dock.raise_()
                return


def _dock_of(widget: QWidget) -> QDockWidget | None:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent


class FieldPanel(Container[Widget]):
    """A magicgui container whose fields are drawn in a narrow panel.

    A script reaches fields by name, as in ``panel.image.value = layer``; where they
    stand, and what else stands there, is up to the content of `scroll`.
    """

    def __init__(self, fields: Sequence[Widget]) -> None:
        super().__init__(widgets=fields, labels=False)
        self.scroll = NarrowPanel()
        self.native_parent_changed.connect(self._on_parent)

    def show_content(self, content: QWidget) -> None:
        """Fill the panel; the fields may be anywhere in the content."""
        self.scroll.show_content(content)
        self.margins = (0, 0, 0, 0)
        self.native.layout().addWidget(self.scroll)

    def _on_parent(self, parent: object) -> None:
        if parent is None:
            self.scroll.closed.emit()


def warning_colour(viewer: ViewerModel) -> str:
    """Return the colour of warnings in the viewer's theme."""
    return str(get_theme(viewer.theme).warning.as_hex())

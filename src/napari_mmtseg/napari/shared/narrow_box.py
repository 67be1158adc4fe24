"""Boxes of choices that do not widen a panel: long entries end in an ellipsis."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter


def keep_narrow(box: QComboBox) -> None:
    """Keep long entries, such as names of layers, from widening a panel."""
    box.setSizeAdjustPolicy(
        QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    )
    box.setMinimumContentsLength(8)
    box.installEventFilter(_Ellipsis(box))


def _shown(box: QComboBox) -> QStyleOptionComboBox:
    """Return what is drawn of a box, its text as long as there is room."""
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    style = box.style()
    assert style is not None
    room = style.subControlRect(
        QStyle.ComplexControl.CC_ComboBox,
        option,
        QStyle.SubControl.SC_ComboBoxEditField,
        box,
    )
    option.currentText = box.fontMetrics().elidedText(
        option.currentText, Qt.TextElideMode.ElideRight, room.width()
    )
    return option


class _Ellipsis(QObject):
    """Draws a box; Qt would cut a long text off in the middle of a letter."""

    def eventFilter(self, box: QObject | None, event: QEvent | None) -> bool:
        """Draw instead of the box."""
        if event is None or event.type() != QEvent.Type.Paint:
            return False
        assert isinstance(box, QComboBox)
        if box.isEditable():
            return False
        option, painter = _shown(box), QStylePainter(box)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()
        return True

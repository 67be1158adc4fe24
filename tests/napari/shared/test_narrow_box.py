"""Boxes of choices in narrow panels."""

from qtpy.QtWidgets import QComboBox

from napari_mmtseg.napari.shared.narrow_box import _shown, keep_narrow


def test_a_long_entry_ends_in_an_ellipsis(qtbot):
    box = QComboBox()
    qtbot.addWidget(box)
    keep_narrow(box)
    box.addItems(["short", "the name of a layer that is longer than any panel"])
    box.resize(120, box.sizeHint().height())
    box.show()
    assert box.minimumSizeHint().width() < 200
    assert _shown(box).currentText == "short"
    before = box.grab().toImage()
    box.setCurrentIndex(1)
    text = _shown(box).currentText
    assert text.startswith("the")
    assert text.endswith("…")
    assert box.grab().toImage() != before
    assert box.currentText() == "the name of a layer that is longer than any panel"

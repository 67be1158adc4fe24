"""Text that fits into any width."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_mmtseg.napari.shared.wrapped_label import CopyableLabel, WrappedLabel
from tests.napari.driving import run_to_the_end, two_levels

NAMES = (
    "20240503_HeLa_plate12_wellA01_channelDAPI_field003_timepoint_0012_z012.ome.tif",
    "/home/somebody/projects/2024/05/03/microscopy/plate12/wellA01/channelDAPI/image.tif",
    "x" * 200,
)


@pytest.mark.parametrize("name", NAMES)
def test_a_long_name_does_not_widen_it(qtbot, name):
    label = WrappedLabel(f"Shape “{name}”")
    qtbot.addWidget(label)
    usual = WrappedLabel("Shape “an image of cells”")
    qtbot.addWidget(usual)
    assert label.text() == f"Shape “{name}”"
    assert label.minimumSizeHint().width() < 200
    assert label.heightForWidth(200) > usual.heightForWidth(200)


def test_short_words_are_not_broken(qtbot):
    label = WrappedLabel("Training: step 3 of 6,000, 10.3 s; volume-by-volume")
    qtbot.addWidget(label)
    assert "\u200b" not in super(WrappedLabel, label).text()


def test_names_are_no_markup(qtbot):
    label = WrappedLabel("<b>a</b>")
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.PlainText


def test_what_is_copied_is_what_was_given(qtbot):
    label = CopyableLabel()
    qtbot.addWidget(label)
    label.setText(NAMES[1])
    label.setSelection(0, len(super(WrappedLabel, label).text()))
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(label, Qt.Key.Key_C, control)
    assert QApplication.clipboard().text() == NAMES[1]
    assert label.selectedText() == NAMES[1]


@pytest.mark.window
def test_a_panel_is_as_wide_with_long_names(viewer, panel, qtbot):
    image = viewer.add_image(two_levels()[0], name="cells")
    run_to_the_end(panel, qtbot)
    usual = panel.native.minimumSizeHint().width()
    labels = viewer.layers["cells labels"]
    for layer in (image, labels):
        layer.name = f"{NAMES[0]} {layer.name}"
    run_to_the_end(panel, qtbot)
    qtbot.wait(300)
    assert panel.native.minimumSizeHint().width() == usual

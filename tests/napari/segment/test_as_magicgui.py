"""The Segment panel driven from napari's console or a script, and by the keyboard."""

import re

import numpy as np
import pytest
from magicgui.widgets import Container
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QLabel, QMessageBox, QPushButton

from napari_mmtseg.settings.fields import parameters
from tests.napari.driving import (
    QUICK,
    assert_found,
    labels_layers,
    run_to_the_end,
    two_levels,
    wait_for_end,
)


@pytest.fixture
def layers(viewer):
    image = two_levels()[0]
    return viewer.add_image(image, name="a"), viewer.add_image(image, name="b")


@pytest.mark.window
def test_fields_are_set_by_name(viewer, panel, qtbot, layers):
    assert isinstance(panel, Container)
    where = {"image", "axes", "slices", "area", "area_label", "scribbles"}
    assert where | {*parameters()} == {field.name for field in panel}
    panel.image.value = layers[0]
    panel.n_labels.value = 2
    panel.run()
    wait_for_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.name == "a labels"
    assert_found(labels.data, two_levels()[1])
    about = labels.metadata["napari_mmtseg"]["settings"]
    assert about["n_labels"] == 2
    assert about["n_steps"] == QUICK["n_steps"]


def test_where_to_segment_is_set_by_name(viewer, panel, qtbot):
    image = two_levels()[0]
    viewer.add_image(np.stack([image] * 3), name="stack")
    hints = np.zeros(image.shape, np.uint8)
    hints[2:4, 2:40], hints[20:28, 28:36] = 5, 8
    viewer.add_labels(hints, name="hints")
    box = np.array([[0, 0], [0, 50], [40, 50], [40, 0]])
    viewer.add_shapes([box], shape_type="rectangle", name="box")
    panel.image.value = viewer.layers["stack"]
    panel.axes.value = "T Y X"
    panel.slices.value = "current slice"
    panel.area.value = "inside box"
    panel.scribbles.value = "hints"
    with pytest.raises(ValueError, match="not a valid choice"):
        panel.area.value = "inside nothing"
    panel.run()
    wait_for_end(panel, qtbot)
    labels = viewer.layers["stack labels"]
    assert labels.data.shape == (1, 40, 50)
    assert set(np.unique(labels.data)) == {5, 8}


@pytest.mark.window
def test_return_runs_stop_has_the_focus_and_escape_cancels(
    viewer, panel, qtbot, layers
):
    window = panel.native.window()
    window.show()
    with qtbot.waitActive(window):
        window.activateWindow()
    panel.n_steps.value = 5000
    panel.n_labels.native.setFocus()
    qtbot.keyClick(panel.n_labels.native, Qt.Key.Key_Return)
    assert panel.is_running
    assert QApplication.focusWidget() is panel.stop_button
    qtbot.keyClick(panel.stop_button, Qt.Key.Key_Escape)
    assert not panel.is_running
    assert labels_layers(viewer) == []


@pytest.mark.window
def test_escape_asks_before_a_long_run_is_lost(
    viewer, panel, qtbot, layers, monkeypatch
):
    window = panel.native.window()
    window.show()
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    asked = []

    def answer(_, __, text):
        asked.append(text)
        return answers[len(asked) - 1]

    monkeypatch.setattr(QMessageBox, "question", answer)
    panel.n_steps.value = 5000
    panel.run()
    panel._started -= 31
    qtbot.keyClick(panel.stop_button, Qt.Key.Key_Escape)
    assert panel.is_running
    qtbot.keyClick(panel.stop_button, Qt.Key.Key_Escape)
    assert not panel.is_running
    assert asked == ["Cancel the run? Its labels are lost."] * 2


@pytest.mark.window
def test_an_accelerator_runs_and_no_two_are_the_same(viewer, panel, qtbot, layers):
    window = panel.native.window()
    window.show()
    with qtbot.waitActive(window):
        window.activateWindow()
    menus = [action.text() for action in window.menuBar().actions()]
    labels = [label.text() for label in panel.native.findChildren(QLabel)]
    buttons = [button.text() for button in panel.native.findChildren(QPushButton)]
    letters = re.findall("&([A-Za-z])", " ".join(menus + labels + buttons).lower())
    assert len(letters) == len(set(letters)) > 8
    qtbot.keyClick(window, Qt.Key.Key_G, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(
        lambda: panel.is_running or bool(labels_layers(viewer)), timeout=5000
    )


@pytest.mark.window
def test_tab_goes_through_the_first_page_from_top_to_bottom(
    viewer, panel, qtbot, layers
):
    window = panel.native.window()
    window.show()
    with qtbot.waitActive(window):
        window.activateWindow()
    panel.more.title.setChecked(False)
    assert not panel.scroll.focusPolicy() & Qt.FocusPolicy.TabFocus
    panel.image.native.setFocus()
    seen = [QApplication.focusWidget()]
    for _ in range(3):
        qtbot.keyClick(seen[-1], Qt.Key.Key_Tab)
        seen.append(QApplication.focusWidget())
    assert seen[0] is panel.image.native
    assert panel.n_labels.native.isAncestorOf(seen[1]) or (
        seen[1] is panel.n_labels.native
    )
    assert seen[2:] == [panel.run_button, panel.more.title]


@pytest.mark.window
@pytest.mark.parametrize("title", ["Segment", "Edit labels", "Batch"])
def test_a_panel_is_300_pixels_wide_at_most(viewer, panel, qtbot, layers, title):
    window = panel.native.window()
    window.show()
    if title == "Segment":
        panel.output.value = "objects"
        run_to_the_end(panel, qtbot)
        panel.more.title.setChecked(True)
        area = panel.scroll
    else:
        _, area = viewer.window.add_plugin_dock_widget("napari-mmtseg", title)
    QApplication.processEvents()
    assert area.minimumSizeHint().width() <= 300


def test_a_closed_fold_is_not_in_the_tab_order(viewer, panel):
    panel.more.title.setChecked(True)
    assert panel.learning_rate.native.isVisibleTo(panel.native)
    panel.more.title.setChecked(False)
    assert not panel.learning_rate.native.isVisibleTo(panel.native)


def test_the_paper_is_asked_for_first(viewer, panel, layers, monkeypatch):
    questions = []

    def answer(_, __, text):
        questions.append(text)
        return QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", answer)
    panel.preset.value = "paper"
    panel.run_button.click()
    assert not panel.is_running
    assert "an hour" in questions[0]


@pytest.mark.window
def test_closing_the_panel_during_a_run_says_so(
    viewer, panel, qtbot, layers, notifications
):
    panel.n_steps.value = 5000
    panel.run()
    viewer.window.remove_dock_widget(panel.native)
    assert not panel.is_running
    assert notifications[-1][1] == "The run was cancelled, as its panel was closed."


@pytest.mark.window
def test_panels_open_as_tabs(viewer, panel, qtbot):
    window = panel.native.window()
    window.show()
    dock, _ = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Batch")
    qtbot.waitUntil(lambda: len(window.tabifiedDockWidgets(dock)) == 1)


def test_few_fields_stand_on_the_first_page(viewer, panel, layers):
    panel.more.title.setChecked(False)
    shown = {f.name for f in panel if f.native.isVisibleTo(panel.native)}
    assert shown == {"image", "n_labels"}
    assert panel.run_button.text().replace("&", "") == "Segment"
    assert panel.memory.text() == ""

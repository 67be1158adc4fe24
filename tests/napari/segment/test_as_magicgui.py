"""The Segment panel driven from napari's console or a script, and by the keyboard."""

import pytest
from magicgui.widgets import Container
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_mmtseg.settings.fields import parameters
from tests.napari.driving import (
    QUICK,
    assert_found,
    labels_layers,
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
    assert {"image", *parameters()} == {field.name for field in panel}
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

"""Saving a model and applying it, from a layer and from a file."""

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

import napari_mmtseg as mm
from napari_mmtseg.napari.layers.result import result_of
from tests.napari.driving import (
    labels_layers,
    set_values,
    two_levels,
    wait_for_end,
)


@pytest.fixture
def fitted(viewer, panel, qtbot, shared_run):
    """A panel with a result, and a second image, upside down, that is chosen."""
    image, _ = two_levels()
    viewer.add_image(image, name="first", scale=(2, 3))
    set_values(panel, n_labels=2)
    shared_run.result(panel, qtbot)
    viewer.add_image(image[::-1], name="second", scale=(4, 5))
    return panel


def choose(panel, menu, text):
    panel.model_actions.menus[menu].aboutToShow.emit()
    (action,) = [
        a for a in panel.model_actions.menus[menu].actions() if text in a.text()
    ]
    action.trigger()


def answer(monkeypatch, path):
    for name in ("getSaveFileName", "getOpenFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_, **__: (str(path), ""))


def test_a_layer_s_model_labels_another_image_alike(fitted, viewer, qtbot):
    (first,) = labels_layers(viewer)
    first.new_colormap(7)
    choose(fitted, "apply", "first labels")
    assert fitted.is_running
    wait_for_end(fitted, qtbot)
    second = labels_layers(viewer)[-1]
    assert second.name == "second labels"
    assert (second.data[::-1] == first.data).mean() > 0.97
    np.testing.assert_array_equal(second.get_color(2), first.get_color(2))
    np.testing.assert_allclose(second.scale, (4, 5))
    about = second.metadata["napari_mmtseg"]
    assert (about["source"], about["model"]) == ("second", "“first labels”")
    assert "with the classes of “first labels”" in fitted.progress.text.text()


def test_what_was_sent_to_background_is_background_there(fitted, viewer, qtbot):
    (first,) = labels_layers(viewer)
    first.data[first.data == 1] = 0
    first.refresh()
    choose(fitted, "apply", "first labels")
    wait_for_end(fitted, qtbot)
    second = labels_layers(viewer)[-1]
    assert set(np.unique(second.data)) == set(np.unique(first.data))
    assert ((second.data[::-1] == 0) == (first.data == 0)).mean() > 0.97


def test_a_model_applied_to_pieces_says_classes_and_pieces(fitted, viewer, qtbot):
    section = fitted.class_count_section
    section.output.setCurrentText("regions")
    section.output.activated.emit(section.output.currentIndex())
    qtbot.waitUntil(lambda: not section.is_busy, timeout=10_000)
    choose(fitted, "apply", "first labels")
    wait_for_end(fitted, qtbot)
    assert fitted.progress.text.text().startswith("2 classes, ")


def test_classes_that_were_merged_by_the_slider_stay_merged(fitted, viewer, qtbot):
    (first,) = labels_layers(viewer)
    section = fitted.class_count_section
    section.slider.slider.setValue(5)
    qtbot.waitUntil(lambda: not section.runner.is_busy)
    choose(fitted, "apply", "first labels")
    wait_for_end(fitted, qtbot)
    second = labels_layers(viewer)[-1]
    assert set(np.unique(second.data)) <= set(np.unique(first.data))
    assert (second.data[::-1] == first.data).mean() > 0.8
    assert result_of(second).class_count(second.data).display(second.data).n_labels == 5


def test_a_saved_model_comes_back(fitted, viewer, qtbot, tmp_path, monkeypatch):
    answer(monkeypatch, tmp_path / "two")
    choose(fitted, "save", "first labels")
    assert mm.load_model(tmp_path / "two.safetensors").n_labels == 2
    answer(monkeypatch, tmp_path / "two.safetensors")
    choose(fitted, "apply", "file")
    wait_for_end(fitted, qtbot)
    (first, second) = labels_layers(viewer)
    assert (second.data[::-1] == first.data).mean() > 0.97


def test_a_saved_model_has_the_classes_that_are_shown(
    fitted, viewer, qtbot, tmp_path, monkeypatch
):
    (first,) = labels_layers(viewer)
    section = fitted.class_count_section
    section.slider.slider.setValue(4)
    qtbot.waitUntil(lambda: not section.runner.is_busy)
    answer(monkeypatch, tmp_path / "four.safetensors")
    choose(fitted, "save", "first labels")
    model = mm.load_model(tmp_path / "four.safetensors")
    assert model.n_labels == 4
    image = viewer.layers["first"].data
    np.testing.assert_array_equal(model.predict(image), first.data)


def test_nothing_happens_without_a_file_name(fitted, viewer, monkeypatch, tmp_path):
    answer(monkeypatch, "")
    choose(fitted, "save", "first labels")
    choose(fitted, "apply", "file")
    assert not fitted.is_running
    assert not list(tmp_path.iterdir())


def test_channels_that_do_not_fit_are_refused(fitted, viewer, qtbot, notifications):
    viewer.add_image(np.zeros((20, 20, 3), np.uint8), name="colour")
    choose(fitted, "apply", "first labels")
    wait_for_end(fitted, qtbot)
    assert len(labels_layers(viewer)) == 1
    ((severity, text),) = notifications
    assert severity == "warning"
    assert "3 channels" in text
    assert "fitted on 1" in text


def test_a_file_that_is_no_model_is_refused(
    fitted, viewer, qtbot, notifications, tmp_path, monkeypatch
):
    path = tmp_path / "no.safetensors"
    path.write_text("no")
    answer(monkeypatch, path)
    choose(fitted, "apply", "file")
    wait_for_end(fitted, qtbot)
    ((severity, text),) = notifications
    assert (severity, "is not a model" in text) == ("warning", True)


def test_an_unwritable_place_is_a_warning(fitted, monkeypatch, notifications, tmp_path):
    answer(monkeypatch, tmp_path / "missing" / "two.safetensors")
    choose(fitted, "save", "first labels")
    assert notifications[0][0] == "warning"


def test_without_a_result_there_is_only_the_file(viewer, panel):
    panel.model_actions.menus["save"].aboutToShow.emit()
    (action,) = panel.model_actions.menus["save"].actions()
    assert not action.isEnabled()
    (action,) = panel.model_actions.menus["apply"].actions()
    assert "file" in action.text()

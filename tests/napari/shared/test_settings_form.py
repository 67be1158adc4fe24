"""The form is the settings: every one of them, both ways."""

import json

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication, QFileDialog

import napari_mmtseg as mm
from napari_mmtseg.napari.shared.settings_form import (
    Fold,
    SettingsForm,
    tooltip,
)
from napari_mmtseg.settings.fields import SegmentationSettings, parameters
from napari_mmtseg.settings.presets import PRESETS
from tests.napari.driving import (
    QUICK,
    assert_the_same,
    click,
    in_a_thread,
    labels_layers,
    run_to_the_end,
    set_values,
    take_current_slice,
    two_levels,
)


@pytest.fixture
def form(qapp):
    return SettingsForm()


def test_every_setting_has_a_field(form):
    assert list(form.widgets) == list(parameters())
    grouped = [widget for rows in form.groups().values() for _, _, widget in rows]
    alone = [form.row(name)[2] for name in ("n_labels", "stack")]
    natives = [widget.native for widget in form.widgets.values()]
    assert {id(w) for w in grouped + alone} == {id(w) for w in natives}
    assert len(grouped + alone) == len(natives)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_fills_the_form(form, preset):
    form.widgets["preset"].value = preset
    assert form.settings() == SegmentationSettings.offered(preset)
    assert form.settings().changes() == {"background": "auto"}


@pytest.mark.parametrize(
    "settings",
    [
        SegmentationSettings(n_labels=3, seed=2**31 - 1, output="regions"),
        SegmentationSettings("fast", min_region_size=25, patience=None),
        SegmentationSettings("paper", working_size=300, edge_scale=0.05),
        SegmentationSettings(learning_rate=0.00123, continuity_weight=0.0),
        SegmentationSettings(background="brightest"),
        SegmentationSettings(background=9),
    ],
    ids=str,
)
def test_what_goes_in_comes_out(form, settings):
    form.set_settings(settings)
    assert form.settings() == settings


def test_every_range_fits_its_field(form):
    for name, parameter in parameters().items():
        for value in (parameter.minimum, parameter.maximum, *parameter.choices):
            if value is not None and name != "preset":
                form.widgets[name].value = value
                assert form.widgets[name].value == value, name


def test_zero_stands_for_automatic(form):
    form.widgets["n_labels"].value = 4
    assert form.settings().n_labels == 4
    form.widgets["n_labels"].value = 0
    assert form.settings().n_labels is None
    assert form.widgets["n_labels"].native.text() == "automatic"


def test_choosing_a_preset_resets_what_was_changed(form):
    form.widgets["seed"].value = 5
    form.widgets["n_steps"].value = 7
    form.widgets["preset"].value = "fast"
    assert form.settings() == SegmentationSettings.offered("fast")


def test_one_change_is_one_signal(form):
    seen = []
    form.changed.connect(lambda: seen.append(None))
    form.widgets["seed"].value = 5
    assert len(seen) == 1
    form.widgets["preset"].value = "paper"
    assert len(seen) == 2


def test_tooltips_tell_what_is_accepted():
    text = tooltip(parameters()["n_labels"])
    assert parameters()["n_labels"].description in text
    assert "whole number" in text


def test_a_contradiction_disables_run_and_says_why(viewer, panel, qtbot):
    viewer.add_image(two_levels()[0])
    assert panel.run_button.isEnabled()
    set_values(panel, max_labels=4, n_labels=9)
    assert not panel.run_button.isEnabled()
    assert "n_labels=9 is more than max_labels=4" in panel.reason.text()
    set_values(panel, n_labels=3)
    assert panel.run_button.isEnabled()
    assert panel.reason.text() == ""


def copied_and_run(viewer, panel, qtbot, monkeypatch):
    """Run the panel and the code that it copies; return the code's names."""
    click(qtbot, panel.settings_actions.copy_button)
    run_to_the_end(panel, qtbot)
    monkeypatch.setattr("napari.current_viewer", lambda: viewer)
    names = {}
    in_a_thread(exec, QApplication.clipboard().text(), names)
    return names


def test_copy_as_python_gives_the_same_labels(viewer, panel, qtbot, monkeypatch):
    viewer.add_image(two_levels()[0], name="it's")
    set_values(panel, seed=4, n_labels=2)
    names = copied_and_run(viewer, panel, qtbot, monkeypatch)
    asked = {"seed": 4, "n_labels": 2, **QUICK}
    assert names["settings"] == SegmentationSettings(background="auto", **asked)
    np.testing.assert_array_equal(names["labels"], labels_layers(viewer)[0].data)


def test_copy_as_python_takes_the_slice_and_the_channels(
    viewer, panel, qtbot, monkeypatch
):
    plane = two_levels()[0]
    stack = np.stack([np.stack([plane // (z + 1), plane[::-1]]) for z in range(3)])
    viewer.add_image(stack, name="stack", axis_labels=("z", "c", "y", "x"))
    viewer.dims.set_current_step(0, 1)
    take_current_slice(panel)
    names = copied_and_run(viewer, panel, qtbot, monkeypatch)
    np.testing.assert_array_equal(names["image"], stack[1])
    assert_the_same(names["labels"], np.squeeze(labels_layers(viewer)[0].data))


def test_copy_without_an_image_is_a_warning(viewer, panel, qtbot, notifications):
    click(qtbot, panel.settings_actions.copy_button)
    ((severity, message),) = notifications
    assert severity == "warning"
    assert "no Image layer" in message


def choose_file(monkeypatch, path):
    for name in ("getSaveFileName", "getOpenFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_, **__: (str(path), ""))


def test_settings_go_to_a_file_and_back(
    viewer, panel, qtbot, tmp_path, monkeypatch, notifications
):
    choose_file(monkeypatch, tmp_path / "mine")
    set_values(panel, seed=11, n_labels=3, output="regions")
    saved = panel.form.settings()
    click(qtbot, panel.settings_actions.files.save_button)
    assert mm.SegmentationSettings.from_json(tmp_path / "mine.json") == saved
    set_values(panel, preset="paper")
    choose_file(monkeypatch, tmp_path / "mine.json")
    click(qtbot, panel.settings_actions.files.load_button)
    assert panel.form.settings() == saved
    assert all(severity == "info" for severity, _ in notifications)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[1, 2]", "settings"),
        ('{"format": "something else"}', "settings"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_file_is_a_warning_and_changes_nothing(
    viewer, panel, qtbot, tmp_path, monkeypatch, notifications, content, message
):
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_text(content)
    choose_file(monkeypatch, path)
    set_values(panel, seed=11)
    before = panel.form.settings()
    click(qtbot, panel.settings_actions.files.load_button)
    ((severity, text),) = notifications
    assert severity == "warning"
    assert message in text
    assert panel.form.settings() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_lables": 3}, "Did you mean n_labels"),
        ({"seed": -5}, "seed=-5 is not accepted"),
    ],
)
def test_a_file_with_bad_values_is_a_warning(
    viewer, panel, qtbot, tmp_path, monkeypatch, notifications, change, message
):
    path = tmp_path / "settings.json"
    mm.SegmentationSettings().to_json(path)
    values = json.loads(path.read_text())
    values["settings"].update(change)
    path.write_text(json.dumps(values))
    choose_file(monkeypatch, path)
    click(qtbot, panel.settings_actions.files.load_button)
    ((severity, text),) = notifications
    assert severity == "warning"
    assert message in text


def test_no_file_chosen_changes_nothing(
    viewer, panel, qtbot, monkeypatch, notifications
):
    choose_file(monkeypatch, "")
    before = panel.form.settings()
    click(qtbot, panel.settings_actions.files.save_button)
    click(qtbot, panel.settings_actions.files.load_button)
    assert panel.form.settings() == before
    assert notifications == []


def test_a_folder_that_cannot_be_written_is_a_warning(
    viewer, panel, qtbot, tmp_path, monkeypatch, notifications
):
    choose_file(monkeypatch, tmp_path / "missing" / "settings.json")
    click(qtbot, panel.settings_actions.files.save_button)
    ((severity, _),) = notifications
    assert severity == "warning"


def test_choices_are_named_as_the_box_shows_them(qapp):
    form = SettingsForm()
    _, tip, box = form.row("stack")
    assert "one of: one model, slice by slice, volume" in tip
    assert box.itemText(0) == "one model"


def test_a_fold_tells_whether_it_is_open(qapp):
    fold = Fold("More", SettingsForm().groups())
    assert fold.title.text() == "▸ More"
    fold.title.click()
    assert fold.title.text() == "▾ More"
    assert fold.content.isVisibleTo(fold)
    fold.title.click()
    assert fold.title.text() == "▸ More"
    assert not fold.content.isVisibleTo(fold)

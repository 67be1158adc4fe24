"""The form of the Batch panel: fields, reasons, the same run as a command."""

import shlex

import pytest
from qtpy.QtWidgets import QApplication, QFileDialog

import napari_mmtseg as mm
from napari_mmtseg.cli import batch as command
from napari_mmtseg.napari.batch.form import BatchForm
from napari_mmtseg.settings.fields import SegmentationSettings
from tests.napari.batch.driving import choose, labels_of, look, set_settings
from tests.napari.driving import click


def test_an_empty_panel_says_what_is_missing(batch_panel, qtbot):
    assert not batch_panel.run_button.isEnabled()
    assert not batch_panel.resume_button.isVisibleTo(batch_panel)
    assert batch_panel.hint.text() == "Choose a folder of images."
    batch_panel.form.mode.value = "saved"
    batch_panel.form.source.value = "images"
    assert batch_panel.hint.text() == "Choose the file of a saved model."
    assert not batch_panel.run_button.isEnabled()


def test_the_folder_of_labels_follows_until_it_is_chosen(batch_panel, tmp_path):
    form = batch_panel.form
    form.source.line_edit.value = str(tmp_path / "a")
    form.source.line_edit.value = str(tmp_path / "ab")
    assert form.target.value == tmp_path / "ab-labels"
    form.target.line_edit.value = str(tmp_path / "mine")
    form.source.line_edit.value = str(tmp_path / "abc")
    assert form.target.value == tmp_path / "mine"


def test_a_dropped_folder_is_a_url(batch_panel, qtbot, folder):
    batch_panel.form.source.line_edit.value = folder.as_uri()
    look(batch_panel, qtbot)
    assert batch_panel.hint.text() == "4 images"
    assert batch_panel.form.target.value == labels_of(folder)


def parsed(text, monkeypatch):
    """Return what `mmtseg batch` would do with a command line."""
    from napari_mmtseg.batch import run as batch
    from napari_mmtseg.cli.main import main

    asked = []

    def take(request, *, scheduler=None):
        asked.append((request, scheduler))
        raise mm.InputError("Enough.")

    monkeypatch.setattr(batch, "iter_batch", take)
    words = shlex.split(text)
    assert words[:2] == ["mmtseg", "batch"]
    main(words[1:])
    assert command.FAILED == 1
    return asked[0]


def test_copy_as_command_is_the_same_run(
    batch_panel, qtbot, folder, tmp_path, monkeypatch, notifications
):
    form = batch_panel.form
    choose(batch_panel, qtbot, folder, tmp_path / "labels of mine")
    set_settings(batch_panel, preset="fast", ema_warmup=False, edge_scale=0)
    form.pattern.value = "*.png"
    form.fit_on.value = 3
    form.n_workers.value = 2
    form.scheduler.value = "tcp://localhost:8786"
    form.axes.value = "YX"
    form.channels.value = "2, 0"
    form.file_format.value = "ome.tif"
    form.overwrite.value = True
    look(batch_panel, qtbot)
    click(qtbot, batch_panel.copy_button)
    text = QApplication.clipboard().text()
    assert "--preset fast" in text
    assert "--no-ema-warmup" in text
    assert "--channels 0,2" in text
    assert form.request().settings.edge_scale is None
    request, address = parsed(text, monkeypatch)
    assert request == form.request()
    assert address == "tcp://localhost:8786"


def test_copy_as_command_of_a_model_for_each_image(batch_panel, qtbot, monkeypatch):
    batch_panel.form.mode.value = "each"
    batch_panel.form.source.value = "/somewhere/else"
    click(qtbot, batch_panel.copy_button)
    request, address = parsed(QApplication.clipboard().text(), monkeypatch)
    assert request == batch_panel.form.request()
    assert address is None


def test_settings_are_loaded_from_a_run(batch_panel, qtbot, tmp_path, monkeypatch):
    path = tmp_path / "settings.json"
    SegmentationSettings(n_labels=7).to_json(path)
    answer = staticmethod(lambda *_: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)
    click(qtbot, batch_panel.files.load_button)
    assert batch_panel.form.settings.settings() == SegmentationSettings(n_labels=7)


def test_channels_that_are_none_are_a_reason(batch_panel, qtbot, folder):
    choose(batch_panel, qtbot, folder)
    batch_panel.form.channels.value = "0, 0"
    look(batch_panel, qtbot)
    assert "Give each once" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()
    batch_panel.form.channels.value = " "
    look(batch_panel, qtbot)
    assert batch_panel.form.request().channels is None


def test_contradicting_settings_are_a_reason(batch_panel, qtbot, folder):
    choose(batch_panel, qtbot, folder)
    set_settings(batch_panel, max_labels=4, n_labels=5)
    assert "max_labels=4" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()


def test_the_form_needs_no_window(qapp):
    form = BatchForm()
    with pytest.raises(mm.InputError, match="folder of images"):
        form.request()

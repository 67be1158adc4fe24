"""The preview of a batch: images found, and why Run or Resume is possible or not."""

import os
import threading
import time

import imageio.v3 as iio

from napari_mmtseg.batch.plan import BatchRequest
from napari_mmtseg.batch.run import run_batch
from napari_mmtseg.napari.batch import planner as batch_planner
from napari_mmtseg.settings.fields import SegmentationSettings
from tests.napari.batch.driving import (
    NAMES,
    SLOW,
    choose,
    labels_of,
    look,
    set_settings,
    statuses,
)
from tests.napari.driving import QUICK, click, two_levels, wait_for_end


def test_a_chosen_folder_fills_the_table(batch_panel, qtbot, folder, monkeypatch):
    from magicgui.widgets import FileEdit

    edit = batch_panel.form.source
    assert isinstance(edit, FileEdit)
    monkeypatch.setattr(
        edit, "_show_file_dialog", lambda *_, **__: str(folder), raising=True
    )
    click(qtbot, edit.choose_btn.native)
    look(batch_panel, qtbot)
    assert batch_panel.form.target.value == labels_of(folder)
    assert batch_panel.hint.text() == "4 images"
    assert batch_panel.run_button.isEnabled()
    assert statuses(batch_panel) == dict.fromkeys(NAMES, "waiting")
    batch_panel.form.pattern.value = "*.png"
    look(batch_panel, qtbot)
    assert batch_panel.hint.text() == "3 images"
    batch_panel.form.pattern.value = "*.jpg"
    look(batch_panel, qtbot)
    assert "matches '*.jpg'" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()
    assert statuses(batch_panel) == {}


def test_other_files_in_the_way_are_named(batch_panel, qtbot, folder):
    labels_of(folder).mkdir()
    (labels_of(folder) / "a.tif").write_bytes(b"mine")
    choose(batch_panel, qtbot, folder)
    assert "“images-labels” holds other files" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()
    assert not batch_panel.resume_button.isVisibleTo(batch_panel)


def test_what_cannot_work_disables_run_and_says_why(
    batch_panel, qtbot, folder, tmp_path, monkeypatch
):
    form = batch_panel.form
    choose(batch_panel, qtbot, folder)
    assert batch_panel.run_button.isEnabled()
    form.axes.value = "Q?"
    look(batch_panel, qtbot)
    assert "axes='Q?' does not name axes" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()
    form.axes.value = ""
    form.source.line_edit.value = "~nobody-of-this-name/images"
    look(batch_panel, qtbot)
    assert "nobody-of-this-name" in batch_panel.hint.text()
    assert "does not exist" in batch_panel.hint.text()
    closed = tmp_path / "closed"
    closed.mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda p, m: p != closed and access(p, m))
    choose(batch_panel, qtbot, folder, closed / "a" / "labels")
    assert f"Nothing can be written into {closed}" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()
    assert statuses(batch_panel) == dict.fromkeys(NAMES, "waiting")


def test_names_that_collide_are_refused(batch_panel, qtbot, folder):
    iio.imwrite(folder / "a.jpg", two_levels()[0])
    choose(batch_panel, qtbot, folder)
    assert "a.jpg and a.png both give a.tif" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()


def test_resume_in_a_new_panel_with_other_settings_is_explained(
    batch_panel, qtbot, folder
):
    settings = SegmentationSettings(n_labels=2, background="auto", **QUICK)
    run_batch(BatchRequest(folder, labels_of(folder), settings=settings))
    (labels_of(folder) / "a.tif").unlink()
    set_settings(batch_panel, seed=9)
    choose(batch_panel, qtbot, folder)
    assert "was begun with other settings" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()
    set_settings(batch_panel, seed=0)
    look(batch_panel, qtbot)
    assert "3 of 4 images have labels" in batch_panel.hint.text()
    assert statuses(batch_panel)["a.png"] == "waiting"
    assert statuses(batch_panel)["b.png"] == "skipped"
    assert batch_panel.resume_button.isVisibleTo(batch_panel)


def test_a_run_with_other_settings_leaves_ways_out(batch_panel, qtbot, folder):
    choose(batch_panel, qtbot, folder)
    set_settings(batch_panel, **SLOW)
    look(batch_panel, qtbot)
    click(qtbot, batch_panel.run_button)
    qtbot.waitUntil(lambda: "step" in batch_panel.progress.text.text(), timeout=30_000)
    click(qtbot, batch_panel.cancel_button)
    wait_for_end(batch_panel, qtbot)
    set_settings(batch_panel, **QUICK)
    look(batch_panel, qtbot)
    text = batch_panel.hint.text()
    assert text.startswith("“images-labels” holds a run that cannot be resumed")
    assert "Load settings" in text
    assert "More: Replace labels" in text
    assert len(text) < 500
    assert statuses(batch_panel) == dict.fromkeys(NAMES, "cancelled")
    assert not batch_panel.run_button.isEnabled()
    batch_panel.form.overwrite.value = True
    look(batch_panel, qtbot)
    assert batch_panel.hint.text() == "4 images"
    assert batch_panel.run_button.isEnabled()


def test_a_model_that_cannot_be_read_is_no_file_in_the_way(batch_panel, qtbot, folder):
    batch_panel.form.mode.value = "saved"
    batch_panel.form.model.line_edit.value = str(folder / "none.safetensors")
    choose(batch_panel, qtbot, folder)
    assert "none.safetensors" in batch_panel.hint.text()
    assert "holds other files" not in batch_panel.hint.text()


def test_a_search_of_the_wrong_folder_is_given_up(
    batch_panel, qtbot, folder, tmp_path, monkeypatch
):
    for i in range(300):
        (tmp_path / "wrong" / f"folder{i}").mkdir(parents=True)
    scan, n_scans = os.scandir, []

    def slow(place="."):
        if str(place).startswith(str(tmp_path / "wrong")):
            n_scans.append(place)
            time.sleep(0.05)
        return scan(place)

    monkeypatch.setattr(os, "scandir", slow)
    batch_panel.form.pattern.value = "**/*.png"
    batch_panel.form.source.value = tmp_path / "wrong"
    qtbot.waitUntil(lambda: len(n_scans) > 3, timeout=20_000)
    choose(batch_panel, qtbot, folder)
    assert batch_panel.hint.text() == "3 images"
    assert len(n_scans) < 200


def test_thousands_of_files_are_looked_at_in_a_thread(
    batch_panel, qtbot, tmp_path, monkeypatch
):
    source = tmp_path / "many"
    source.mkdir()
    for i in range(2_000):
        (source / f"image_{i:05d}.png").touch()
    threads, plan = set(), batch_planner.plan_batch

    def noted(*args, **options):
        threads.add(threading.get_ident())
        return plan(*args, **options)

    monkeypatch.setattr(batch_planner, "plan_batch", noted)
    choose(batch_panel, qtbot, source)
    assert batch_panel.hint.text() == "2,000 images"
    assert batch_panel.table.images.rowCount() == 2_000
    assert threads
    assert threading.get_ident() not in threads


def test_only_the_latest_request_is_answered(batch_panel, qtbot, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    batch_panel.form.source.value = folder
    qtbot.wait(batch_planner.PAUSE + 5)
    batch_panel.form.source.value = tmp_path / "empty"
    look(batch_panel, qtbot)
    assert "No image in" in batch_panel.hint.text()
    assert statuses(batch_panel) == {}

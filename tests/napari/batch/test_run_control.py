"""Batches from Run to the label files, through real signals."""

import imageio.v3 as iio
import numpy as np
import pytest

import napari_mmtseg as mm
from napari_mmtseg.batch.plan import BatchRequest
from napari_mmtseg.batch.run import run_batch
from napari_mmtseg.files.read import read_image
from napari_mmtseg.napari.batch import run_control
from napari_mmtseg.settings.fields import SegmentationSettings
from tests.napari.batch.driving import (
    NAMES,
    SLOW,
    choose,
    labels_of,
    look,
    run,
    set_settings,
    statuses,
)
from tests.napari.driving import (
    QUICK,
    assert_found,
    click,
    in_a_thread,
    two_levels,
    wait_for_end,
    wait_for_threads,
)


def test_run_labels_all_images(batch_panel, qtbot, folder, notifications):
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    assert statuses(batch_panel) == dict.fromkeys(NAMES, "done")
    records = batch_panel.table.images.records
    assert [r.n_labels for r in records] == [2] * 4
    assert all(r.seconds > 0 for r in records)
    assert batch_panel.progress.text.text().startswith("4 images labelled in ")
    for name in NAMES:
        labels = read_image(labels_of(folder) / f"{name[0]}.tif")
        assert_found(labels.array, two_levels()[1])
    assert labels.array.dtype == np.uint8
    assert notifications == []
    assert not batch_panel.cancel_button.isVisibleTo(batch_panel)


def test_a_bad_file_stays_in_the_table(batch_panel, qtbot, folder, notifications):
    (folder / "b.png").write_bytes(b"no image")
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    assert statuses(batch_panel) == dict.fromkeys(NAMES, "done") | {"b.png": "failed"}
    assert "1 failed" in batch_panel.progress.text.text()
    batch_panel.table.selectRow(1)
    assert "b.png is not an image" in batch_panel.details.text()
    assert batch_panel.details.isVisibleTo(batch_panel)
    assert not (labels_of(folder) / "b.tif").exists()
    assert notifications == []
    look(batch_panel, qtbot)
    assert batch_panel.hint.text().startswith("1 file cannot be read, all others")
    assert not batch_panel.resume_button.isVisibleTo(batch_panel)
    # Mended, it is the one image that Resume labels.
    iio.imwrite(folder / "b.png", two_levels()[0])
    batch_panel.form.changed.emit()
    look(batch_panel, qtbot)
    before = (labels_of(folder) / "a.tif").stat().st_mtime_ns
    click(qtbot, batch_panel.resume_button)
    wait_for_end(batch_panel, qtbot)
    look(batch_panel, qtbot)
    assert batch_panel.progress.text.text().startswith("1 image labelled in ")
    assert set(statuses(batch_panel).values()) <= {"done", "skipped"}
    assert (labels_of(folder) / "b.tif").exists()
    assert (labels_of(folder) / "a.tif").stat().st_mtime_ns == before


def test_nothing_is_replaced_unless_it_is_asked_for(batch_panel, qtbot, folder):
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    assert "All 4 images have labels" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()
    assert not batch_panel.resume_button.isVisibleTo(batch_panel)
    before = (labels_of(folder) / "a.tif").stat().st_mtime_ns
    batch_panel.run()
    wait_for_end(batch_panel, qtbot)
    assert (labels_of(folder) / "a.tif").stat().st_mtime_ns == before
    batch_panel.form.overwrite.value = True
    look(batch_panel, qtbot)
    run(batch_panel, qtbot)
    assert (labels_of(folder) / "a.tif").stat().st_mtime_ns > before
    assert not batch_panel.form.overwrite.value
    assert not batch_panel.run_button.isEnabled()


def test_what_has_changed_since_is_a_notification(
    batch_panel, qtbot, folder, notifications
):
    choose(batch_panel, qtbot, folder)
    for path in folder.iterdir():
        path.unlink()
    run(batch_panel, qtbot)
    ((severity, message),) = notifications
    assert severity == "warning"
    assert "No image in" in message
    assert not batch_panel.is_running
    assert not labels_of(folder).exists()


def test_a_saved_model_labels_without_training(batch_panel, qtbot, folder, tmp_path):
    model = mm.fit(two_levels()[0], n_labels=2, **QUICK)
    path = tmp_path / "mine.safetensors"
    model.save(path)
    set_settings(batch_panel, seed=5)  # of the model that is not fitted
    batch_panel.form.mode.value = "saved"
    batch_panel.form.model.value = path
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    expected = model.predict(two_levels()[0])
    labels = read_image(labels_of(folder) / "d.tif").array
    np.testing.assert_array_equal(labels, expected)


def test_a_model_for_each_image(batch_panel, qtbot, folder):
    batch_panel.form.mode.value = "each"
    batch_panel.form.file_format.value = "png"
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    settings = SegmentationSettings(n_labels=2, background="auto", **QUICK)
    expected = in_a_thread(mm.segment, two_levels()[0], settings=settings)
    labels = read_image(labels_of(folder) / "a.png").array
    np.testing.assert_array_equal(labels, expected)
    assert not list(labels_of(folder).glob("*.safetensors"))


def test_processes_give_the_labels_of_the_python_function(
    batch_panel, qtbot, folder, tmp_path
):
    set_settings(batch_panel, seed=5)
    batch_panel.form.fit_on.value = 2
    batch_panel.form.n_workers.value = 2
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    assert statuses(batch_panel) == dict.fromkeys(NAMES, "done")
    asked = {"seed": 5, "n_labels": 2, **QUICK}
    settings = SegmentationSettings(background="auto", **asked)
    request = BatchRequest(folder, tmp_path / "again", fit_on=2, settings=settings)
    for record in run_batch(request).records:
        there = labels_of(folder) / record.item.labels.name
        assert there.read_bytes() == record.item.labels.read_bytes()


def test_a_scheduler_that_is_not_there_is_a_notification(
    batch_panel, qtbot, folder, notifications, monkeypatch
):
    monkeypatch.setattr("napari_mmtseg.batch.cluster.connection.CONNECT_SECONDS", 0.3)
    batch_panel.form.scheduler.value = "tcp://127.0.0.1:1"
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    ((severity, message),) = notifications
    assert severity == "warning"
    assert "Dask" in message
    assert batch_panel.progress.text.text() == message
    assert set(statuses(batch_panel).values()) == {"cancelled"}


def test_progress_is_shown_here_and_in_the_activity_dock(batch_panel, qtbot, folder):
    batch_panel.form.mode.value = "each"
    choose(batch_panel, qtbot, folder)
    values = []
    batch_panel.progress.bar.valueChanged.connect(values.append)
    titles = []
    start = batch_panel._control._activity.start
    batch_panel._control._activity.start = lambda n, text: (
        titles.append((n, text)),
        start(n, text),
    )
    run(batch_panel, qtbot)
    assert titles == [(4, "Label 4 images")]
    assert values == sorted(values)
    assert batch_panel.progress.bar.maximum() == 4


def test_cancel_during_the_fit_leaves_no_labels(batch_panel, qtbot, folder):
    set_settings(batch_panel, **SLOW)
    choose(batch_panel, qtbot, folder)
    click(qtbot, batch_panel.run_button)
    curve = batch_panel.progress.curve
    qtbot.waitUntil(lambda: len(curve.counts) > 2, timeout=60_000)
    assert not batch_panel.form.isEnabled()
    click(qtbot, batch_panel.cancel_button)
    assert not batch_panel.is_running
    assert batch_panel.progress.text.text() == "Cancelled."
    wait_for_threads(qtbot)
    look(batch_panel, qtbot)
    assert not list(labels_of(folder).glob("*.tif"))
    assert batch_panel.form.isEnabled()
    assert "has not labelled anything yet" in batch_panel.hint.text()
    assert "Resume labels 4 images" in batch_panel.hint.text()


def test_cancel_keeps_whole_files_and_resume_does_the_rest(
    batch_panel, qtbot, folder, monkeypatch
):
    monkeypatch.setattr(run_control, "_REPORT_INTERVAL", 0)  # of every image at once
    batch_panel.form.mode.value = "each"
    set_settings(batch_panel, n_steps=40, patience=0)
    choose(batch_panel, qtbot, folder)
    click(qtbot, batch_panel.run_button)
    qtbot.waitUntil(lambda: "done" in statuses(batch_panel).values(), timeout=60_000)
    click(qtbot, batch_panel.cancel_button)
    wait_for_end(batch_panel, qtbot)
    look(batch_panel, qtbot)
    done = {n for n, status in statuses(batch_panel).items() if status == "done"}
    assert 1 <= len(done) < 4
    assert set(statuses(batch_panel).values()) == {"done", "cancelled"}
    assert {p.name[0] for p in labels_of(folder).glob("*.tif")} == {n[0] for n in done}
    assert f"{len(done)} of 4 images have labels" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()
    times = {n: (labels_of(folder) / f"{n[0]}.tif").stat().st_mtime_ns for n in done}
    click(qtbot, batch_panel.resume_button)
    wait_for_end(batch_panel, qtbot)
    look(batch_panel, qtbot)
    assert len(list(labels_of(folder).glob("*.tif"))) == 4
    assert set(statuses(batch_panel).values()) <= {"done", "skipped"}
    for name, before in times.items():
        assert (labels_of(folder) / f"{name[0]}.tif").stat().st_mtime_ns == before


def test_a_second_cancel_does_not_wait(batch_panel, qtbot, folder):
    batch_panel.form.mode.value = "each"
    set_settings(batch_panel, **SLOW)
    choose(batch_panel, qtbot, folder)
    click(qtbot, batch_panel.run_button)
    qtbot.waitUntil(lambda: "running" in statuses(batch_panel).values(), timeout=60_000)
    click(qtbot, batch_panel.cancel_button)
    assert batch_panel.is_running
    assert batch_panel.progress.text.text().startswith("Cancelling")
    click(qtbot, batch_panel.cancel_button)
    assert not batch_panel.is_running
    assert set(statuses(batch_panel).values()) == {"cancelled"}


@pytest.mark.window
def test_closing_the_panel_cancels_and_says_so(
    viewer, batch_panel, qtbot, folder, notifications
):
    panel = batch_panel
    set_settings(panel, **SLOW)
    choose(panel, qtbot, folder)
    click(qtbot, panel.run_button)
    curve = panel.progress.curve
    qtbot.waitUntil(lambda: len(curve.counts) > 2, timeout=60_000)
    viewer.window.remove_dock_widget(panel)
    assert not panel.is_running
    assert notifications[-1][1].startswith("The batch was cancelled, as its panel")
    wait_for_threads(qtbot)
    assert not list(labels_of(folder).glob("*.tif"))

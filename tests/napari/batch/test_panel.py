"""From a folder of images to a folder of labels, through real signals."""

import os
import shlex
import time

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QFileDialog

import napari_mmtseg as mm
from napari_mmtseg.batch.plan import BatchRequest
from napari_mmtseg.batch.run import run_batch
from napari_mmtseg.cli import batch as command
from napari_mmtseg.files.read import read_image
from napari_mmtseg.napari.batch import opener as batch_opener
from napari_mmtseg.napari.batch import planner as batch_planner
from napari_mmtseg.napari.batch.form import BatchForm
from napari_mmtseg.settings.fields import SegmentationSettings
from tests.napari.driving import (
    QUICK,
    assert_found,
    click,
    labels_layers,
    two_levels,
    wait_for_end,
    wait_for_threads,
)

NAMES = ("a.png", "b.png", "c.tif", "d.png")
LONGEST = 0.1
SLOW = {"n_steps": 3000, "patience": 0, "working_size": 128, "min_labels": 1}


@pytest.fixture
def batch_panel(viewer, qtbot):
    """The Batch panel in its dock, with quick settings; no run outlives the test."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Batch")
    set_settings(widget, **QUICK, n_labels=2)
    yield widget
    widget.cancel()
    wait_for_threads(qtbot)


@pytest.fixture
def folder(tmp_path):
    """Four images, one of them with a pixel size."""
    source = tmp_path / "images"
    source.mkdir()
    image, _ = two_levels()
    for name in NAMES:
        if name.endswith("tif"):
            details = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}
            details |= {"PhysicalSizeY": 0.25, "PhysicalSizeYUnit": "µm"}
            tifffile.imwrite(source / name, image, ome=True, metadata=details)
        else:
            iio.imwrite(source / name, image)
    return source


def set_settings(panel, **values):
    for name, value in values.items():
        panel.form.settings.widgets[name].value = value


def choose(panel, qtbot, source, target=None):
    panel.form.source.value = source
    if target is not None:
        panel.form.target.value = target
    look(panel, qtbot)


def look(panel, qtbot):
    qtbot.waitUntil(lambda: not panel.is_looking, timeout=20_000)


def run(panel, qtbot):
    click(qtbot, panel.run_button)
    assert panel.is_running
    wait_for_end(panel, qtbot)
    look(panel, qtbot)


def open_selected(panel, qtbot):
    click(qtbot, panel.open_button)
    qtbot.waitUntil(lambda: panel.open_button.isEnabled(), timeout=20_000)


def open_row(panel, qtbot, row):
    panel.table.selectRow(row)
    panel.table.doubleClicked.emit(panel.table.images.index(row, 0))
    qtbot.waitUntil(lambda: panel.open_button.isEnabled(), timeout=20_000)


def statuses(panel):
    return {r.item.name: r.status for r in panel.table.images.records}


def labels_of(folder):
    return folder.with_name("images-labels")


def test_an_empty_panel_says_what_is_missing(batch_panel, qtbot):
    assert not batch_panel.run_button.isEnabled()
    assert not batch_panel.resume_button.isVisibleTo(batch_panel)
    assert batch_panel.hint.text() == "Choose a folder of images."
    batch_panel.form.mode.value = "saved"
    batch_panel.form.source.value = "images"
    assert batch_panel.hint.text() == "Choose the file of a saved model."
    assert not batch_panel.run_button.isEnabled()


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


def test_the_labels_are_those_of_the_python_function(
    batch_panel, qtbot, folder, tmp_path
):
    choose(batch_panel, qtbot, folder)
    set_settings(batch_panel, seed=5)
    batch_panel.form.fit_on.value = 2
    look(batch_panel, qtbot)
    run(batch_panel, qtbot)
    settings = SegmentationSettings(seed=5, n_labels=2, **QUICK)
    request = BatchRequest(folder, tmp_path / "again", fit_on=2, settings=settings)
    for record in run_batch(request).records:
        there = labels_of(folder) / record.item.labels.name
        np.testing.assert_array_equal(
            read_image(there).array, read_image(record.item.labels).array
        )


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
    # Mended, it is the one image that Resume labels.
    iio.imwrite(folder / "b.png", two_levels()[0])
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
    settings = SegmentationSettings(n_labels=2, **QUICK)
    expected = mm.segment(two_levels()[0], settings=settings)
    labels = read_image(labels_of(folder) / "a.png").array
    np.testing.assert_array_equal(labels, expected)
    assert not list(labels_of(folder).glob("*.safetensors"))


def test_processes_give_the_same_labels(batch_panel, qtbot, folder, tmp_path):
    batch_panel.form.n_workers.value = 2
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    assert statuses(batch_panel) == dict.fromkeys(NAMES, "done")
    settings = SegmentationSettings(n_labels=2, **QUICK)
    request = BatchRequest(folder, tmp_path / "again", settings=settings)
    for record in run_batch(request).records:
        there = labels_of(folder) / record.item.labels.name
        assert there.read_bytes() == record.item.labels.read_bytes()


def test_a_scheduler_that_is_not_there_is_a_notification(
    batch_panel, qtbot, folder, notifications
):
    batch_panel.form.scheduler.value = "tcp://127.0.0.1:1"
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    ((severity, message),) = notifications
    assert severity == "warning"
    assert "Dask" in message
    assert batch_panel.progress.text.text() == message
    assert set(statuses(batch_panel).values()) == {"cancelled"}


def test_progress_is_shown_here_and_in_the_activity_dock(
    batch_panel, qtbot, folder, viewer
):
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


def test_cancel_keeps_whole_files_and_resume_does_the_rest(batch_panel, qtbot, folder):
    batch_panel.form.mode.value = "each"
    set_settings(batch_panel, n_steps=300, patience=0)
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


def test_resume_in_a_new_panel_with_other_settings_is_explained(
    batch_panel, qtbot, folder
):
    settings = SegmentationSettings(n_labels=2, **QUICK)
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
    assert "Advanced: Replace labels" in text
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


def test_a_double_click_opens_image_and_labels(batch_panel, qtbot, folder, viewer):
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    open_row(batch_panel, qtbot, 2)
    image, labels = viewer.layers
    assert image.name == "c.tif"
    np.testing.assert_array_equal(image.data, two_levels()[0])
    np.testing.assert_allclose(image.scale, (0.25, 0.5))
    assert [str(unit) for unit in labels.units] == ["micrometer", "micrometer"]
    np.testing.assert_allclose(labels.extent.world, image.extent.world)
    assert_found(labels.data, two_levels()[1])


def test_labels_in_ome_zarr_are_opened(batch_panel, qtbot, folder, viewer):
    pytest.importorskip("ome_zarr")
    batch_panel.form.file_format.value = "zarr"
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    assert statuses(batch_panel) == dict.fromkeys(NAMES, "done")
    open_row(batch_panel, qtbot, 2)
    image, labels = viewer.layers
    np.testing.assert_allclose(labels.extent.world, image.extent.world)
    assert_found(labels.data, two_levels()[1])


def test_a_stack_is_opened_with_its_labels(batch_panel, qtbot, tmp_path, viewer):
    source = tmp_path / "images"
    source.mkdir()
    image, truth = two_levels()
    stack = np.stack([image] * 3)
    details = {"axes": "ZYX", "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm"}
    tifffile.imwrite(source / "z.tif", stack, ome=True, metadata=details)
    choose(batch_panel, qtbot, source)
    run(batch_panel, qtbot)
    open_row(batch_panel, qtbot, 0)
    image_layer, labels = viewer.layers
    assert labels.data.shape == (3, *truth.shape)
    np.testing.assert_allclose(image_layer.scale, (2, 1, 1))
    np.testing.assert_allclose(labels.extent.world, image_layer.extent.world)


def test_depth_before_time_lies_below_its_labels(batch_panel, qtbot, tmp_path, viewer):
    source = tmp_path / "images"
    source.mkdir()
    image, truth = two_levels()
    stack = np.stack([[image] * 3] * 2)
    tifffile.imwrite(source / "z.tif", stack, ome=True, metadata={"axes": "ZTYX"})
    choose(batch_panel, qtbot, source)
    run(batch_panel, qtbot)
    open_row(batch_panel, qtbot, 0)
    for layer in viewer.layers:
        assert layer.data.shape == (3, 2, *truth.shape)
        assert layer.axis_labels == ("T", "Z", "Y", "X")


def test_the_next_image_hides_the_one_before(batch_panel, qtbot, folder, viewer):
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    for row in (0, 1):
        batch_panel.table.selectRow(row)
        open_selected(batch_panel, qtbot)
    assert [layer.name for layer in viewer.layers] == [
        "a.png",
        "a.png labels",
        "b.png",
        "b.png labels",
    ]
    assert [layer.visible for layer in viewer.layers] == [False, False, True, True]
    # Labels that are there already are shown again, edits and all.
    viewer.layers["a.png labels"].data[0, 0] = 7
    batch_panel.table.selectRow(0)
    open_selected(batch_panel, qtbot)
    assert len(viewer.layers) == 4
    assert viewer.layers["a.png labels"].data[0, 0] == 7
    assert viewer.layers["a.png labels"].visible
    assert not viewer.layers["b.png"].visible


def test_an_image_without_labels_opens_alone(
    batch_panel, qtbot, folder, viewer, notifications
):
    (folder / "b.png").write_bytes(b"no image")
    choose(batch_panel, qtbot, folder)
    batch_panel.table.selectRow(0)
    open_selected(batch_panel, qtbot)
    assert [layer.name for layer in viewer.layers] == ["a.png"]
    batch_panel.table.selectRow(1)
    open_selected(batch_panel, qtbot)
    ((severity, message),) = notifications
    assert severity == "warning"
    assert "is not an image" in message


def test_channels_and_colours_lie_below_their_labels(
    batch_panel, qtbot, tmp_path, viewer
):
    source = tmp_path / "images"
    source.mkdir()
    image, truth = two_levels()
    channels = np.stack([image, 255 - image, image])
    tifffile.imwrite(source / "c.tif", channels, ome=True, metadata={"axes": "CYX"})
    iio.imwrite(source / "s.png", np.stack([image] * 3, -1))
    batch_panel.form.mode.value = "each"
    choose(batch_panel, qtbot, source)
    run(batch_panel, qtbot)
    for row in (0, 1):
        open_row(batch_panel, qtbot, row)
    assert [layer.data.shape for layer in viewer.layers] == [
        channels.shape,
        truth.shape,
        (*truth.shape, 3),
        truth.shape,
    ]
    assert viewer.layers["s.png"].rgb
    assert len(labels_layers(viewer)) == 2


def test_a_large_image_with_channels_is_read_as_it_is_shown(
    batch_panel, qtbot, tmp_path, viewer, monkeypatch
):
    zarr = pytest.importorskip("zarr")
    source = tmp_path / "images"
    image, _ = two_levels()
    stack = np.stack([np.stack([image, 255 - image])] * 5)
    array = zarr.open_array(
        source / "large.zarr", mode="w", shape=stack.shape, dtype=stack.dtype,
        chunks=(1, 1, 48, 64),
    )  # fmt: skip
    array[:] = stack
    monkeypatch.setattr(batch_opener, "_LARGEST", 100)
    batch_panel.form.axes.value = "ZCYX"
    choose(batch_panel, qtbot, source)
    open_row(batch_panel, qtbot, 0)
    (layer,) = viewer.layers
    assert not isinstance(layer.data, np.ndarray)
    assert layer.data.shape == (2, 5, 48, 64)
    assert layer.axis_labels == ("C", "Z", "Y", "X")
    np.testing.assert_array_equal(layer.data[1], stack[:, 1])


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
    form.file_format.value = "ome.tif"
    form.overwrite.value = True
    look(batch_panel, qtbot)
    click(qtbot, batch_panel.copy_button)
    text = QApplication.clipboard().text()
    assert "--preset fast" in text
    assert "--no-ema-warmup" in text
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


def test_contradicting_settings_are_a_reason(batch_panel, qtbot, folder):
    choose(batch_panel, qtbot, folder)
    set_settings(batch_panel, max_labels=4, n_labels=5)
    assert "max_labels=4" in batch_panel.hint.text()
    assert not batch_panel.run_button.isEnabled()


def test_closing_the_panel_cancels(viewer, qtbot, folder):
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Batch")
    set_settings(panel, **SLOW)
    choose(panel, qtbot, folder)
    click(qtbot, panel.run_button)
    curve = panel.progress.curve
    qtbot.waitUntil(lambda: len(curve.counts) > 2, timeout=60_000)
    viewer.window.remove_dock_widget(panel)
    assert not panel.is_running
    wait_for_threads(qtbot)
    assert not list(labels_of(folder).glob("*.tif"))


def test_the_dots_follow_the_theme(batch_panel, viewer, qtbot, folder):
    from qtpy.QtCore import Qt

    from napari_mmtseg.napari.batch.table import status_colors

    choose(batch_panel, qtbot, folder)
    images = batch_panel.table.images
    for theme in ("light", "dark"):
        viewer.theme = theme
        dot = images.index(0, images.STATUS).data(Qt.ItemDataRole.DecorationRole)
        color = dot.pixmap(12, 12).toImage().pixelColor(6, 6)
        assert color == status_colors(theme)["waiting"]


def test_looking_at_thousands_of_files_does_not_hold_the_window(
    batch_panel, qtbot, tmp_path
):
    source = tmp_path / "many"
    source.mkdir()
    for i in range(10_000):
        (source / f"image_{i:05d}.png").touch()
    gaps, last = [], time.perf_counter()

    def beat():
        nonlocal last
        now = time.perf_counter()
        gaps.append(now - last)
        last = now

    timer = QTimer()
    timer.timeout.connect(beat)
    timer.start(0)
    choose(batch_panel, qtbot, source)
    qtbot.wait(200)
    timer.stop()
    assert batch_panel.hint.text() == "10,000 images"
    assert batch_panel.table.images.rowCount() == 10_000
    assert max(gaps) < LONGEST, sorted(gaps)[-5:]


def test_only_the_latest_request_is_answered(batch_panel, qtbot, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    batch_panel.form.source.value = folder
    qtbot.wait(batch_planner.PAUSE + 5)
    batch_panel.form.source.value = tmp_path / "empty"
    look(batch_panel, qtbot)
    assert "No image in" in batch_panel.hint.text()
    assert statuses(batch_panel) == {}


def test_the_form_needs_no_window(qapp):
    form = BatchForm()
    with pytest.raises(mm.InputError, match="folder of images"):
        form.request()

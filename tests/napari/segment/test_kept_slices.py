"""Slices of a run that did not end: kept, offered, shown or discarded."""

import errno
import os

import numpy as np
import psutil
import pytest
from napari.components import ViewerModel

import napari_mmtseg as mm
from napari.layers import Image
from napari_mmtseg.napari.layers.source import choose_source
from napari_mmtseg.napari.segment import kept_slices, segment_job
from napari_mmtseg.napari.segment.segment_job import Segmentation
from napari_mmtseg.progress import SegmentationStep, drain
from napari_mmtseg.settings.fields import SegmentationSettings
from tests.napari.driving import (
    QUICK,
    click,
    in_a_thread,
    labels_layers,
    run_to_the_end,
    wait_for_end,
)
from tests.napari.stacks import STACK, TRUTHS

SETTINGS = SegmentationSettings(**QUICK, n_labels=2)
N_DONE = 3


@pytest.fixture(autouse=True)
def runs(monkeypatch, tmp_path):
    """An empty folder of runs, all of which are long; their processes are gone."""
    monkeypatch.setattr(kept_slices, "folder", lambda: tmp_path / "runs")
    monkeypatch.setattr(kept_slices, "LONG", 0.0)
    monkeypatch.setattr(kept_slices, "_owner", lambda: "999999999-0")
    monkeypatch.setattr(segment_job, "_REPORT_INTERVAL", 0.0)
    return tmp_path / "runs"


def begun(settings=SETTINGS, layer=None, n_done=N_DONE):
    """Return a run in which some slices are done, and the job that it is of."""
    layer = layer or Image(STACK, name="stack", scale=(2, 0.5, 0.5))
    source = choose_source(layer, "Z Y X", all_slices=True)
    job = Segmentation(source, settings).job()
    steps = job.work(lambda: False)

    def work():
        for step in steps:
            if step.n_done == n_done and step.phase == "prediction":
                break

    in_a_thread(work)
    return steps, job


@pytest.fixture
def viewer(qapp):
    viewer = ViewerModel()
    viewer.add_image(STACK, name="stack", scale=(2, 0.5, 0.5))
    return viewer


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("mode", ["one_model", "slice_by_slice"])
def test_slices_of_a_killed_run_are_offered_and_shown(
    viewer, runs, request, qtbot, mode
):
    steps, _ = begun(SETTINGS.replace(stack=mode))
    panel = request.getfixturevalue("panel")
    offer = panel.kept_runs
    assert not offer.isHidden()
    assert offer.text.text().startswith(
        f"{N_DONE} of 6 slices of “stack” are kept from"
    )
    click(qtbot, offer.show_button)
    wait_for_end(panel, qtbot)
    (layer,) = labels_layers(viewer)
    np.testing.assert_allclose(layer.scale, (2, 0.5, 0.5))
    for z in range(N_DONE):
        inside = layer.data[z][TRUTHS[z]]
        value = np.bincount(inside).argmax()
        assert value
        assert np.mean((layer.data[z] == value) == TRUTHS[z]) > 0.95
    assert not layer.data[N_DONE:].any()
    assert panel.progress.text.text() == "3 of 6 slices, from the run that did not end."
    assert offer.isHidden()
    assert not files(runs)
    steps.close()


def test_what_is_declined_is_removed(viewer, runs, request, qtbot):
    steps, _ = begun()
    offer = request.getfixturevalue("panel").kept_runs
    click(qtbot, offer.discard_button)
    assert offer.isHidden()
    assert not files(runs)
    assert not labels_layers(viewer)
    steps.close()


def test_only_the_same_image_gets_the_offer(viewer, runs, request, qtbot):
    steps, _ = begun(layer=Image(STACK[:, 4:], name="stack"))
    offer = request.getfixturevalue("panel").kept_runs
    assert offer.isHidden()
    viewer.add_image(STACK[:, 4:], name="stack")
    assert offer.isHidden()  # that is called “stack [1]”
    viewer.layers[0].name, viewer.layers[1].name = "other", "stack"
    assert not offer.isHidden()
    steps.close()


@pytest.mark.parametrize("end", ["end", "cancel", "short"])
def test_nothing_is_left_of_runs_that_end_as_they_should(runs, monkeypatch, end):
    if end == "short":
        monkeypatch.setattr(kept_slices, "LONG", 1000.0)
    steps, job = begun()
    assert len(files(runs)) >= N_DONE
    if end == "end":
        for _ in steps:
            pass
    if end == "cancel":
        job.cancelled()
    steps.close()
    assert not files(runs)
    assert not kept_slices.kept_runs()


def test_slices_outlive_napari_that_is_closed(runs):
    steps, _ = begun()
    steps.close()
    (run,) = kept_slices.kept_runs()
    assert run.n_done == N_DONE
    assert run.settings == SETTINGS


def test_a_run_that_is_still_going_on_is_left_alone(runs, monkeypatch):
    process = psutil.Process()
    owner = f"{process.pid}-{int(process.create_time())}"
    monkeypatch.setattr(kept_slices, "_owner", lambda: owner)
    steps, _ = begun()
    assert not kept_slices.kept_runs()
    assert len(files(runs)) == N_DONE + 1
    steps.close()
    assert kept_slices.kept_runs()


def test_damaged_records_are_removed(runs):
    steps, _ = begun()
    (record,) = runs.glob("*/run.json")
    record.write_text('{"name": "stack"')
    assert not kept_slices.kept_runs()
    assert not files(runs)
    steps.close()


def test_a_full_disk_is_told_and_does_not_end_the_run(runs, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(kept_slices.np, "save", full)
    with pytest.warns(UserWarning, match=r"not kept on disk \(No space left"):
        steps, _ = begun()
    assert drain(steps).labels.shape == STACK.shape
    assert not files(runs)


def test_a_failure_in_the_middle_is_followed_by_the_offer(
    viewer, panel, qtbot, notifications, monkeypatch
):
    def broken(image, **_):
        for z in range(N_DONE):
            labels = np.full(image.shape[1:], z + 1, np.int32)
            yield SegmentationStep(
                "prediction", 1, 1, labels=labels, index=(z,), n_done=z + 1, n_slices=6
            )
        raise mm.InputError("The graphics card has failed.")

    assert panel.kept_runs.isHidden()
    monkeypatch.setattr(segment_job, "iter_segment", broken)
    run_to_the_end(panel, qtbot)
    assert notifications == [("warning", "The graphics card has failed.")]
    assert not panel.kept_runs.isHidden()
    click(qtbot, panel.kept_runs.show_button)
    wait_for_end(panel, qtbot)
    (layer,) = labels_layers(viewer)
    assert [int(plane.max()) for plane in layer.data] == [1, 2, 3, 0, 0, 0]

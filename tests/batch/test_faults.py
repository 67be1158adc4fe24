"""A disk that is full, a folder that goes away, memory that runs out."""

import errno
import os
import shutil

import pytest

import napari_mmtseg as mm
from napari_mmtseg.batch import journal
from napari_mmtseg.batch.run import iter_batch, run_batch
from napari_mmtseg.engine.network import ResponseNetwork
from napari_mmtseg.files import atomic
from napari_mmtseg.settings.fields import SegmentationSettings
from tests.batch.folders import QUICK, batch_request, write_images

SETTINGS = SegmentationSettings(**QUICK)


def request(tmp_path, **options):
    return batch_request(tmp_path, settings=SETTINGS, **options)


def resumed(tmp_path):
    """Resume the run; return the status of every image."""
    result = run_batch(request(tmp_path, resume=True))
    left = [path.name for path in (tmp_path / "out").glob(".mmtseg-*/")]
    assert not left
    return [record.status for record in result.records]


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_is_full_costs_the_labels_that_do_not_fit(tmp_path, monkeypatch):
    write_images(tmp_path / "in")
    move = atomic._move

    def move_others(source, target, overwrite):
        if target.name == "a1.tif":
            full_disk()
        move(source, target, overwrite)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_move", move_others)
        result = run_batch(request(tmp_path))
    assert [r.status for r in result.records] == ["done", "failed", "done"]
    assert result.records[1].error.endswith(
        "a1.tif cannot be written: No space left on device."
    )
    assert not (tmp_path / "out" / "a1.tif").exists()
    assert resumed(tmp_path) == ["skipped", "done", "skipped"]


def test_a_journal_without_space_ends_the_run_with_advice(tmp_path, monkeypatch):
    write_images(tmp_path / "in")
    steps = iter_batch(request(tmp_path))
    for step in steps:
        if step.record is not None and step.record.status == "done":
            break
    with monkeypatch.context() as patch:
        patch.setattr(journal.os, "fsync", full_disk)
        with pytest.raises(mm.InputError, match=r"No space left .* resume the run"):
            list(steps)
    assert resumed(tmp_path) == ["skipped", "done", "done"]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_folder_that_is_gone_ends_the_run_and_does_not_come_back(tmp_path, n_workers):
    write_images(tmp_path / "in", 4)
    steps = iter_batch(request(tmp_path, mode="each", n_workers=n_workers))
    for step in steps:
        if step.record is not None and step.record.status == "done":
            break
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(
        mm.InputError, match=r"journal.* cannot be written: No such file"
    ):
        list(steps)
    assert not (tmp_path / "out").exists()


def test_memory_that_runs_out_costs_one_image(tmp_path, monkeypatch):
    write_images(tmp_path / "in")
    forward, calls = ResponseNetwork.forward, []

    def forward_twice(*args):
        calls.append(args)
        if len(calls) == 3:
            raise MemoryError("Unable to allocate 2.00 GiB")
        return forward(*args)

    monkeypatch.setattr(ResponseNetwork, "forward", forward_twice)
    result = run_batch(request(tmp_path, mode="each"))
    assert [r.status for r in result.records] == ["failed", "done", "done"]
    assert result.records[0].error.startswith("Memory ran out (Unable to allocate")

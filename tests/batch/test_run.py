import csv
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import tifffile

import napari_mmtseg as mm
from napari_mmtseg import InputError, SegmentationSettings
from napari_mmtseg.batch import iter_batch, run_batch
from napari_mmtseg.cli.main import main
from napari_mmtseg.files.read import read_image
from napari_mmtseg.progress import drain
from tests.batch.folders import (
    QUICK,
    batch_request,
    square,
    write_images,
    write_stack,
)

SETTINGS = SegmentationSettings(**QUICK)

request = partial(batch_request, settings=SETTINGS)


def contents(folder):
    """Return what all visible files hold but the summary, in which times differ."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "summary" not in path.name and path.name[0] != "."
    }


def _noted(steps, told):
    for step in steps:
        told.append(step.n_done)
        yield


def rows(result):
    with result.summary_path.open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_a_folder_gets_labels_a_model_settings_and_a_table(tmp_path):
    write_images(tmp_path / "in")
    result = run_batch(request(tmp_path))
    assert [r.status for r in result.records] == ["done"] * 3
    model = mm.load_model(result.model_path)
    for i in range(3):
        labels = tifffile.imread(tmp_path / "out" / f"a{i}.tif")
        np.testing.assert_array_equal(labels, model.predict(square(i)))
    assert SegmentationSettings.from_json(result.settings_path) == SETTINGS
    table = rows(result)
    assert set(table) == {"a0.png", "a1.png", "a2.png"}
    first = table["a0.png"]
    assert (first["status"], first["n_labels"], first["shape"]) == (
        "done",
        "2",
        "40 x 48",
    )
    assert int(first["pixels_1"]) + int(first["pixels_2"]) == 40 * 48
    left = [
        p.name for p in (tmp_path / "out").iterdir() if p.name.startswith(".mmtseg-")
    ]
    assert left == [".mmtseg-journal.jsonl"]


def test_a_bad_file_stops_neither_the_fit_nor_the_others(tmp_path):
    source = write_images(tmp_path / "in")
    (source / "a.png").write_bytes(b"no image")
    (source / "z.tif").write_bytes(b"")
    tifffile.imwrite(
        source / "five.tif", np.zeros((5, 40, 48), np.uint8), metadata={"axes": "CYX"}
    )
    result = run_batch(request(tmp_path, fit_on=2))
    status = {r.item.name: (r.status, r.error) for r in result.records}
    assert {n for n, (s, _) in status.items() if s == "done"} == {
        "a0.png",
        "a1.png",
        "a2.png",
    }
    assert "not an image" in status["a.png"][1]
    assert "is empty" in status["z.tif"][1]
    assert "5 channels does not fit" in status["five.tif"][1]
    assert rows(result)["a.png"]["status"] == "failed"
    assert len(result.failed) == 3
    assert not (tmp_path / "out" / "a.tif").exists()


def test_nothing_but_bad_files(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="None of the 1 images"):
        run_batch(request(tmp_path))


def test_a_file_with_several_images_is_remarked(tmp_path):
    source = write_images(tmp_path / "in", 1)
    with tifffile.TiffWriter(source / "two.tif") as file:
        file.write(square(1))
        file.write(square(2)[:30])
    result = run_batch(request(tmp_path))
    assert [r.status for r in result.records] == ["done"] * 2
    assert "two.tif holds 2 images; number 0" in rows(result)["two.tif"]["error"]
    again = rows(run_batch(request(tmp_path, resume=True)))
    assert "holds 2 images" in again["two.tif"]["error"]
    assert again["a0.png"]["error"] == ""


def test_stacks_keep_their_pixel_sizes(tmp_path):
    (tmp_path / "in").mkdir()
    stack = write_stack(tmp_path / "in" / "s.ome.tif")
    run_batch(request(tmp_path))
    labels = read_image(tmp_path / "out" / "s.tif")
    assert labels.axes == "ZYX"
    assert labels.array.shape == stack.shape
    assert [size.size for size in labels.pixel_sizes] == [2.0, 0.5, 0.5]


def test_a_model_for_each_image_and_one_that_is_given(tmp_path):
    write_images(tmp_path / "in")
    result = run_batch(request(tmp_path, mode="each"))
    assert result.model_path is None
    labels = tifffile.imread(tmp_path / "out" / "a1.tif")
    np.testing.assert_array_equal(labels, mm.segment(square(1), settings=SETTINGS))
    model = mm.fit(square(9), settings=SETTINGS)
    model.save(tmp_path / "m.safetensors")
    saved = tmp_path / "m.safetensors"
    result = run_batch(request(tmp_path, target=tmp_path / "other", model=saved))
    assert result.model_path.read_bytes() == saved.read_bytes()
    labels = tifffile.imread(tmp_path / "other" / "a1.tif")
    np.testing.assert_array_equal(labels, model.predict(square(1)))


def test_a_model_that_is_not_there_is_refused_before_the_work(tmp_path):
    write_images(tmp_path / "in", 1)
    with pytest.raises(InputError, match="cannot be read"):
        iter_batch(request(tmp_path, model=tmp_path / "m.safetensors"))
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8")
def test_names_of_files_that_are_no_utf8(tmp_path):
    source = write_images(tmp_path / "in", 2)
    os.rename(source / "a1.png", os.fsencode(source) + b"/b\xff.png")
    result = run_batch(request(tmp_path))
    assert [r.status for r in result.records] == ["done"] * 2
    assert b"\nb\xff.png,done" in result.summary_path.read_bytes()
    again = run_batch(request(tmp_path, resume=True))
    assert [r.status for r in again.records] == ["skipped"] * 2


def test_ome_zarr_in_and_out(tmp_path):
    reader = pytest.importorskip("ome_zarr.reader", reason="ome-zarr needs Python 3.12")
    from ome_zarr.io import parse_url

    (tmp_path / "in").mkdir()
    write_stack(tmp_path / "in" / "s.ome.tif")
    run_batch(request(tmp_path, file_format="zarr"))
    tif = run_batch(request(tmp_path, target=tmp_path / "tif"))
    assert [r.status for r in tif.records] == ["done"]
    group = tmp_path / "out" / "s.zarr"
    found = read_image(group / "labels" / "mmtseg")
    assert found.axes == "ZYX"
    assert [size.size for size in found.pixel_sizes] == [2.0, 0.5, 0.5]
    expected = tifffile.imread(tmp_path / "tif" / "s.tif")
    np.testing.assert_array_equal(np.asarray(found.array), expected)
    nodes = list(reader.Reader(parse_url(group / "labels" / "mmtseg"))())
    np.testing.assert_array_equal(np.asarray(nodes[0].data[0]), expected)


def test_ome_zarr_needs_its_library(tmp_path, monkeypatch):
    for name in ("ome_zarr", "ome_zarr.writer"):
        monkeypatch.setitem(sys.modules, name, None)
    write_images(tmp_path / "in", 1)
    with pytest.raises(InputError, match="ome-zarr"):
        iter_batch(request(tmp_path, file_format="zarr"))


def test_stop_keeps_what_is_done_and_resume_goes_on(tmp_path):
    write_images(tmp_path / "in")
    whole = run_batch(request(tmp_path, target=tmp_path / "whole"))
    steps = iter_batch(request(tmp_path))
    answer = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            result = end.value
            break
        done = step.record is not None and step.record.status == "done"
        answer = "stop" if done else None
    assert [r.status for r in result.records] == ["done", "cancelled", "cancelled"]
    assert rows(result)["a2.png"]["status"] == "cancelled"
    first = (tmp_path / "out" / "a0.tif").stat().st_mtime_ns
    again = run_batch(request(tmp_path, resume=True))
    assert [r.status for r in again.records] == ["skipped", "done", "done"]
    assert (tmp_path / "out" / "a0.tif").stat().st_mtime_ns == first
    assert {row["status"] for row in rows(again).values()} == {"done"}
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert len(whole.records) == 3


def test_cancel_raises_and_leaves_whole_files(tmp_path):
    write_images(tmp_path / "in")
    told = []
    steps = iter_batch(request(tmp_path), should_cancel=lambda: told[-1:] == [1])

    with pytest.raises(mm.Cancelled):
        drain(_noted(steps, told))
    files = sorted(p.name for p in (tmp_path / "out").glob("*.tif"))
    assert files == ["a0.tif"]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_cancel_gives_up_an_image_that_takes_long(tmp_path, n_workers):
    write_images(tmp_path / "in")
    long = SETTINGS.replace(n_steps=100_000, patience=None, n_labels=None, min_labels=1)
    steps = iter_batch(
        request(tmp_path, settings=long, mode="each", n_workers=n_workers),
        should_cancel=Timer(20),
    )
    with pytest.raises(mm.Cancelled):
        drain(steps)
    assert not list((tmp_path / "out").glob("*.tif"))


class Timer:
    """Turns true after it was asked n times."""

    def __init__(self, n):
        self._left = n

    def __call__(self):
        self._left -= 1
        return self._left < 0


def test_resume_wants_the_same_settings(tmp_path):
    write_images(tmp_path / "in", 2)
    with pytest.raises(InputError, match="no run to resume"):
        iter_batch(request(tmp_path, resume=True))
    run_batch(request(tmp_path))
    other = SETTINGS.replace(seed=3)
    with pytest.raises(InputError, match="begun with other settings"):
        iter_batch(request(tmp_path, resume=True, settings=other))
    with pytest.raises(InputError, match="holds results already"):
        iter_batch(request(tmp_path))


def test_a_line_that_was_cut_off_and_a_file_that_is_gone_are_done_again(tmp_path):
    write_images(tmp_path / "in")
    run_batch(request(tmp_path))
    before = contents(tmp_path / "out")
    journal = tmp_path / "out" / ".mmtseg-journal.jsonl"
    lines = [line for line in journal.read_text().splitlines() if line]
    done = [line for line in lines if json.loads(line).get("status") == "done"]
    assert json.loads(done[0])["name"] == "a0.png"
    assert lines[-1] == done[2]
    journal.write_text("\n".join([*lines[:-1], done[2][:25]]))
    (tmp_path / "out" / "a0.tif").unlink()
    result = run_batch(request(tmp_path, resume=True))
    assert [r.status for r in result.records] == ["done", "skipped", "done"]
    assert contents(tmp_path / "out") == before
    again = run_batch(request(tmp_path, resume=True))
    assert [r.status for r in again.records] == ["skipped"] * 3


def test_two_processes_write_the_same_bytes_as_one(tmp_path):
    source = write_images(tmp_path / "in", 4)
    (source / "bad.png").write_bytes(b"no image")
    run_batch(request(tmp_path))
    two = run_batch(request(tmp_path, target=tmp_path / "two", n_workers=2))
    assert sum(r.status == "done" for r in two.records) == 4
    assert contents(tmp_path / "out") == contents(tmp_path / "two")


def test_killed_in_the_middle_and_resumed(tmp_path):
    """kill -9 loses nothing: what was done stays, only what was in flight is redone."""
    write_images(tmp_path / "in", 6)
    run_batch(request(tmp_path, target=tmp_path / "whole"))
    words = [f"--{k.replace('_', '-')}={v}" for k, v in QUICK.items()]
    command = ["batch", str(tmp_path / "in"), str(tmp_path / "out"), "-q", *words]
    process = subprocess.Popen(
        [sys.executable, "-m", "napari_mmtseg.cli.main", *command]
    )
    deadline = time.monotonic() + 90
    while len(list((tmp_path / "out").glob("a*.tif"))) < 2:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    there = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("a*.tif")}
    result = run_batch(request(tmp_path, resume=True))
    assert all(r.status in ("done", "skipped") for r in result.records)
    skipped = sum(r.status == "skipped" for r in result.records)
    assert skipped >= len(there) - 1
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_resume_takes_away_what_a_killed_run_has_left(tmp_path):
    write_images(tmp_path / "in", 2)
    run_batch(request(tmp_path))
    out = tmp_path / "out"
    for name, content in (
        ("half", "a1.tif"),
        ("model", "mmtseg-model.safetensors"),
        ("other", "b.tif"),
        ("labels.zarr", "job.json"),
    ):
        (out / f".mmtseg-{name}").mkdir()
        (out / f".mmtseg-{name}" / content).write_bytes(b"II*")
    run_batch(request(tmp_path, resume=True))
    left = {path.name for path in out.glob(".mmtseg-*/")}
    assert left == {".mmtseg-other", ".mmtseg-labels.zarr"}


def test_command_line(tmp_path, capsys):
    source = write_images(tmp_path / "in", 2)
    target = tmp_path / "out"
    words = [f"--{k.replace('_', '-')}={v}" for k, v in QUICK.items()]
    command = ["batch", str(source), str(target), *words]
    assert main(command) == 0
    assert "2 images labelled" in capsys.readouterr().out
    assert main(command) == 2
    assert "--resume" in capsys.readouterr().err
    (source / "bad.png").write_bytes(b"no image")
    # The settings of the folder are taken, unless others are given.
    assert main(["batch", str(source), str(target), "--resume"]) == 1
    out, err = capsys.readouterr()
    assert "0 images labelled, 2 done before, 1 failed" in out
    assert "bad.png" in err
    assert main(["batch", str(source), str(target), "--resume", "--seed", "4"]) == 2
    assert "begun with other settings" in capsys.readouterr().err

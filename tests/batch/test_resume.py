import json
import os
from functools import partial

import pytest
from skimage.io import imsave

import napari_mmtseg as mm
from napari_mmtseg import InputError, SegmentationSettings
from napari_mmtseg.batch.run import iter_batch, run_batch
from napari_mmtseg.cli.main import main
from tests.batch.folders import QUICK, batch_request, square, write_images

FEW = {**QUICK, "n_steps": 4, "warm_start_steps": 2}
SETTINGS = SegmentationSettings(**FEW)
request = partial(batch_request, settings=SETTINGS)
WORDS = [f"--{k.replace('_', '-')}={v}" for k, v in FEW.items()]


def labels(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.tif")}


def status(result):
    return [record.status for record in result.records]


def end_at(steps, is_last):
    """Go on until a step is the last one, and leave everything as a crash would."""
    for step in steps:
        if is_last(step):
            steps.close()
            return


def add_image(source):
    imsave(source / "a2.png", square(2), check_contrast=False)


def journal(tmp_path):
    return tmp_path / "out" / ".mmtseg-journal.jsonl"


def test_what_replaces_a_batch_goes_on_with_a_model_of_its_own(tmp_path):
    write_images(tmp_path / "in")
    run_batch(request(tmp_path))
    other = SETTINGS.replace(n_labels=3, seed=5)
    steps = iter_batch(request(tmp_path, overwrite=True, settings=other))
    end_at(steps, lambda step: step.phase == "fitting")
    result = run_batch(request(tmp_path, resume=True, settings=other))
    assert status(result) == ["done"] * 3
    run_batch(request(tmp_path, target=tmp_path / "new", settings=other))
    assert labels(tmp_path / "out") == labels(tmp_path / "new")
    assert mm.load_model(result.model_path).settings.seed == 5


@pytest.mark.parametrize("change", ["gone", "another"])
def test_labels_are_gone_on_with_by_the_model_that_made_them(tmp_path, change):
    source = write_images(tmp_path / "in", 2)
    path = run_batch(request(tmp_path)).model_path
    content = path.read_bytes()
    add_image(source)
    path.unlink()
    if change == "another":
        path.write_bytes(content[:-4] + b"\0\0\0\0")
    with pytest.raises(InputError, match=r"Put it back, begin again \(overwrite=True"):
        iter_batch(request(tmp_path, resume=True))
    path.write_bytes(content)
    assert status(run_batch(request(tmp_path, resume=True)))[2] == "done"


def test_stopped_while_the_model_is_fitted(tmp_path):
    write_images(tmp_path / "in", 2)
    steps = iter_batch(request(tmp_path))
    while next(steps).phase != "fitting":
        pass
    assert steps.send("stop").phase == "finished"
    assert not labels(tmp_path / "out")
    assert status(run_batch(request(tmp_path, resume=True))) == ["done"] * 2


def test_another_folder_of_images_is_refused(tmp_path):
    write_images(tmp_path / "in", 2)
    write_images(tmp_path / "other", 3)
    run_batch(request(tmp_path))
    with pytest.raises(InputError, match=r"labels the images of .*in, not of .*other"):
        iter_batch(request(tmp_path, source=tmp_path / "other", resume=True))


def test_a_changed_image_is_done_again(tmp_path):
    source = write_images(tmp_path / "in")
    run_batch(request(tmp_path))
    os.utime(source / "a1.png", ns=(1, 1))
    result = run_batch(request(tmp_path, resume=True))
    assert status(result) == ["skipped", "done", "skipped"]
    assert status(run_batch(request(tmp_path, resume=True))) == ["skipped"] * 3


def test_label_files_of_others_are_left_as_they_are(tmp_path):
    source = write_images(tmp_path / "in", 2)
    (source / "bad.png").write_bytes(b"no image")
    run_batch(request(tmp_path))
    add_image(source)
    for name in ("bad.tif", "a2.tif"):
        (tmp_path / "out" / name).write_bytes(b"mine")
    with pytest.raises(InputError, match=r"not made: a2\.tif, bad\.tif\. Move them"):
        iter_batch(request(tmp_path, resume=True))
    for name in ("bad.tif", "a2.tif"):
        assert (tmp_path / "out" / name).read_bytes() == b"mine"
        (tmp_path / "out" / name).unlink()
    result = run_batch(request(tmp_path, resume=True))
    assert status(result) == ["skipped", "skipped", "done", "failed"]


def test_label_files_of_the_interrupted_run_are_replaced(tmp_path):
    write_images(tmp_path / "in")
    steps = iter_batch(request(tmp_path))
    end_at(steps, lambda step: step.record is not None and step.n_done == 1)
    # The process was killed between a file and the note that it is there.
    out = tmp_path / "out"
    lines = journal(tmp_path).read_text().splitlines()
    kept = [line for line in lines if '"done"' not in line]
    journal(tmp_path).write_text("\n".join(kept) + "\n")
    assert (out / "a0.tif").exists()
    assert status(run_batch(request(tmp_path, resume=True))) == ["done"] * 3


def test_files_that_were_to_be_replaced_still_are(tmp_path):
    source = write_images(tmp_path / "in")
    (source / "bad.png").write_bytes(b"no image")
    out = tmp_path / "out"
    out.mkdir()
    (out / "bad.tif").write_bytes(b"of an earlier run")
    (out / "a2.tif").write_bytes(b"of an earlier run")
    steps = iter_batch(request(tmp_path, overwrite=True))
    end_at(steps, lambda step: step.record is not None and step.n_done == 1)
    expected = ["skipped", "done", "done", "failed"]
    assert status(run_batch(request(tmp_path, resume=True))) == expected
    assert status(run_batch(request(tmp_path, resume=True)))[3] == "failed"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n", b"[]\n", b'{"format": 1}'])
def test_a_journal_that_is_damaged(tmp_path, content):
    write_images(tmp_path / "in", 2)
    run_batch(request(tmp_path))
    journal(tmp_path).write_bytes(content)
    with pytest.raises(InputError, match="overwrite=True"):
        iter_batch(request(tmp_path, resume=True))
    assert status(run_batch(request(tmp_path, overwrite=True))) == ["done"] * 2


def test_lines_that_are_damaged_are_done_again(tmp_path):
    write_images(tmp_path / "in")
    run_batch(request(tmp_path))
    content = journal(tmp_path).read_bytes()
    journal(tmp_path).write_bytes(content.replace(b'"pixels":', b'"pix\xffels":', 1))
    result = run_batch(request(tmp_path, resume=True))
    assert status(result) == ["done", "skipped", "skipped"]


def test_resumed_without_the_options_it_was_begun_with(tmp_path, capsys, monkeypatch):
    source = write_images(tmp_path / "in", 2)
    (source / "a9.gif").write_bytes(b"no image")
    monkeypatch.chdir(tmp_path)
    begun = ["--fit-on", "1", "--format", "ome.tif", "--pattern", "*.png", *WORDS]
    assert main(["batch", "in", "out", *begun]) == 0
    add_image(source)
    assert main(["batch", "in", "out", "--resume"]) == 0
    assert "1 image labelled, 2 done before" in capsys.readouterr().out
    assert (tmp_path / "out" / "a2.ome.tif").exists()
    assert main(["batch", "in", "out", "--resume", "--fit-on", "2"]) == 2
    told = capsys.readouterr().err
    assert "--fit-on (was 1, is 2)" in told
    assert "model (" not in told


def test_resumed_with_the_model_that_was_given_or_with_one_for_each(tmp_path, capsys):
    source = write_images(tmp_path / "in", 2)
    model = tmp_path / "m.safetensors"
    mm.fit(square(0), settings=SETTINGS).save(model)
    folders = [str(source), str(tmp_path / "out")]
    assert main(["batch", *folders, "--model", str(model), "--output=regions"]) == 0
    each = [str(source), str(tmp_path / "each")]
    assert main(["batch", *each, "--each", *WORDS]) == 0
    model.unlink()
    add_image(source)
    capsys.readouterr()
    for words in (folders, each):
        assert main(["batch", *words, "--resume"]) == 0
        assert "1 image labelled, 2 done before" in capsys.readouterr().out
    assert main(["batch", *folders, "--resume", "--each"]) == 2
    told = capsys.readouterr().err
    assert "mode (was 'one_model', is 'each')" in told
    assert "model (was a file, is none)" in told


@pytest.mark.parametrize(
    "change",
    [
        {"about": 3},
        {"pattern": 3},
        {"about": {"settings": 3}},
        {"about": {"settings": {"n_labels": "x"}}},
        {"about": {"axes": 3}},
        {"about": {"series": []}},
    ],
)
def test_options_in_a_journal_that_are_damaged(tmp_path, change, capsys):
    write_images(tmp_path / "in", 1)
    words = ["batch", str(tmp_path / "in"), str(tmp_path / "out"), *WORDS, "-q"]
    assert main(words) == 0
    path = journal(tmp_path)
    first, *lines = path.read_text().split("\n")
    content = json.loads(first)
    about = change.get("about", {})
    if isinstance(about, dict):
        change = {**change, "about": {**content["about"], **about}}
    path.write_text("\n".join([json.dumps({**content, **change}), *lines]))
    assert main([*words[:3], "--resume", "-q"]) == 2
    error = capsys.readouterr().err
    assert "damaged or of another version" in error
    assert "Begin again (--overwrite)" in error

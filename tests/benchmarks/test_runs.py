import json

import pytest

pytest.importorskip("sklearn", reason="scikit-learn computes the Rand index")

from benchmarks.processes import in_processes

from benchmarks import quality, runs, stability
from napari_mmtseg import InputError

FAST = "fast:n_steps=1,warm_start_steps=1"
GRAPH = "skimage.felzenszwalb:scale=10,sigma=0,min_size=150"


def options(folder, *more):
    return [
        *("--data", str(folder), "--processes", "1"),
        *("--methods", f"{FAST},{GRAPH}"),
        *more,
    ]


def rows(table):
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ]


@pytest.fixture
def segmentations(monkeypatch):
    """Every task that has been worked on."""
    done = []
    own = runs.timed_segmentation

    def counted(task, image, seed):
        done.append((task.method.name, task.image.name, seed, task.number))
        return own(task, image, seed)

    monkeypatch.setattr(runs, "timed_segmentation", counted)
    return done


def test_photographs(data_folder, tmp_path, capsys):
    path = tmp_path / "quality.json"
    quality.main(options(data_folder, "--json", str(path), "--seeds", "2"))
    out = capsys.readouterr().out
    assert "bsds500 val, 3 images, 2 seeds" in out
    header, _, _, graph = rows(out)
    cells = dict(zip(header, graph, strict=True))
    # The graph finds the halves: all right for one annotator, half for the other.
    assert cells["method"] == GRAPH
    assert float(cells["accuracy"]) == 0.75
    assert float(cells["mIoU All"]) == pytest.approx((2 + 4 / 2) / 6, abs=1e-3)
    assert float(cells["Fine"]) == 0.5
    assert float(cells["Coarse"]) == 1
    assert float(cells["VoI"]) == 0.5
    assert float(cells["labels"]) == 2
    results = json.loads(path.read_text())
    assert len(results["runs"]) == 2 * 3 * 2
    assert results["settings"][FAST]["working_size"] == 128
    assert {"python", "torch", "sources"} <= set(results["versions"])
    assert results["machine"]


def test_microscopy_at_the_true_and_the_automatic_number(data_folder, capsys):
    more = ["--dataset", "microscopy", "--automatic", "--methods", FAST]
    quality.main(options(data_folder, *more))
    header, _, cells, mean = rows(capsys.readouterr().out)
    assert header[3:] == ["accuracy", "mean IoU", "within one", "s/image"]
    assert cells[:3] == ["cells", "2", FAST]
    assert mean[0] == "mean over sets"
    assert mean[3:] == cells[3:]


def test_methods_that_cannot_be_given_a_number_are_refused(data_folder, capsys):
    for spec in (GRAPH, "fast:n_labels=2"):
        with pytest.raises(SystemExit) as end:
            quality.main(
                options(data_folder, "--dataset", "microscopy", "--methods", spec)
            )
        assert end.value.code == 2
        assert "true number" in capsys.readouterr().err


def test_an_interrupted_run_goes_on_where_it_was(
    data_folder, tmp_path, segmentations, monkeypatch
):
    path = tmp_path / "quality.json"
    arguments = options(data_folder, "--json", str(path))
    scores, calls = quality.photograph_scores, []

    def interrupted(*images):
        calls.append(images)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return scores(*images)

    monkeypatch.setattr(quality, "photograph_scores", interrupted)
    with pytest.raises(KeyboardInterrupt):
        quality.main(arguments)
    before = json.loads(path.read_text())["runs"]
    assert len(before) == 2
    segmentations.clear()
    quality.main(arguments)
    assert len(segmentations) == 6 - 2
    after = json.loads(path.read_text())["runs"]
    assert after[:2] == before
    assert len(after) == 6
    segmentations.clear()
    quality.main(arguments)
    assert segmentations == []
    assert json.loads(path.read_text())["runs"] == after
    # More seeds and methods: only what is new.
    quality.main([*arguments, "--seeds", "2", "--methods", FAST])
    assert [seed for _, _, seed, _ in segmentations] == [1, 1, 1]


def test_the_table_shows_what_was_asked_for(data_folder, tmp_path, capsys):
    path = tmp_path / "quality.json"
    quality.main(options(data_folder, "--json", str(path)))
    capsys.readouterr()
    quality.main(options(data_folder, "--json", str(path), "--methods", GRAPH))
    assert [row[0] for row in rows(capsys.readouterr().out)[2:]] == [GRAPH]


@pytest.mark.parametrize("changed", ["versions", "machine", "split", "benchmark"])
def test_runs_of_another_kind_are_not_mixed(data_folder, tmp_path, capsys, changed):
    path = tmp_path / "quality.json"
    arguments = options(data_folder, "--json", str(path), "--limit", "1")
    quality.main(arguments)
    results = json.loads(path.read_text())
    path.write_text(json.dumps({**results, changed: "other"}))
    with pytest.raises(SystemExit):
        quality.main(arguments)
    assert changed in capsys.readouterr().err


def test_a_file_that_is_no_benchmark_is_left_as_it_is(data_folder, tmp_path, capsys):
    path = tmp_path / "other.json"
    path.write_text("[1, 2]")
    with pytest.raises(SystemExit):
        quality.main(options(data_folder, "--json", str(path)))
    assert "no file of a benchmark" in capsys.readouterr().err
    assert path.read_text() == "[1, 2]"


def test_stability(data_folder, tmp_path, capsys, segmentations):
    path = tmp_path / "stability.json"
    arguments = options(data_folder, "--json", str(path), "--seeds", "3")
    stability.main([*arguments, "--methods", GRAPH])
    header, _, graph = rows(capsys.readouterr().out)
    cells = dict(zip(header, graph, strict=True))
    assert [float(cells[name]) for name in ("seeds", *stability.CHANGES)] == [1] * 4
    assert len(segmentations) == 3 * (3 + 3)
    segmentations.clear()
    stability.main([*arguments, "--methods", GRAPH])
    assert segmentations == []


def test_stability_of_one_seed_is_not_made_up(data_folder, capsys):
    stability.main(options(data_folder, "--limit", "1", "--methods", GRAPH))
    assert "seeds" not in rows(capsys.readouterr().out)[0]


def test_other_processes_do_the_same_work():
    assert list(in_processes(abs, [-1], 2, 1)) == [1]  # one task, one process
    assert list(in_processes(abs, [], 0, 1)) == []


def test_a_missing_folder_is_an_error_of_the_command(tmp_path, capsys):
    with pytest.raises(SystemExit):
        quality.main(options(tmp_path))
    assert "no labelled images" in capsys.readouterr().err
    with pytest.raises(InputError):
        runs.labelled_images(tmp_path, "bsds500", "val")

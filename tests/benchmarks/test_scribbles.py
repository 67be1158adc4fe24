import json

import imageio.v3 as iio
import numpy as np
from benchmarks.datasets import labelled_images
from benchmarks.measures import named_scores
from benchmarks.stained_tissue import UNKNOWN, StainedTissue
from benchmarks.strokes import strokes

from benchmarks import scribbles


def test_named_scores_count_the_number():
    truth = np.array([[1, 1, 2, 2]])
    assert named_scores(truth, truth) == {"accuracy": 1, "mean_iou": 1}
    scores = named_scores(np.array([[1, 2, 2, 2]]), truth)
    assert scores == {"accuracy": 0.75, "mean_iou": (1 / 2 + 2 / 3) / 2}
    assert named_scores(3 - truth, truth)["accuracy"] == 0


def test_what_a_person_has_painted_is_taken(data_folder):
    folder = data_folder / "microscopy" / "cells"
    (folder / "scribbles").mkdir()
    painted = np.zeros((16, 24), np.uint8)
    painted[4, 2:6], painted[4, 18:22] = 1, 3
    iio.imwrite(folder / "scribbles" / "0.png", painted)
    first, second = labelled_images(data_folder, "microscopy", "all", 5)[:2]
    np.testing.assert_array_equal(first.read_strokes(), painted)
    assert second.read_strokes() is None


def test_the_truth_of_stained_tissue_leaves_mixtures_out():
    (truth,) = StainedTissue().read_truths()
    shares = np.bincount(truth.ravel()) / truth.size
    np.testing.assert_allclose(
        shares[[0, 1, 2, UNKNOWN]], [0.23, 0.11, 0.29, 0.37], 0.1
    )
    painted = strokes(np.where(truth == UNKNOWN, -1, truth.astype(int)), 0)
    at = painted > 0
    np.testing.assert_array_equal(painted[at], truth[at] + 1)


def test_every_method_is_measured(data_folder, tmp_path, capsys):
    file = tmp_path / "runs.json"
    words = ["--data", data_folder, "--limit", "1", "--json", file, "--processes", 1]
    scribbles.main([str(word) for word in words])
    run, tissue = json.loads(file.read_text())["runs"]
    assert tissue["scribbles"]["mean_iou"] > tissue["forest"]["mean_iou"]
    assert tissue["scribbles"]["mean_iou"] > 0.95
    assert run["kept"] == run["kept again"] == 1
    assert run["scribbles"]["accuracy"] > 0.9
    shown = capsys.readouterr().out
    for method in scribbles.METHODS:
        assert f"| {method} |" in shown

import json

import numpy as np
from benchmarks.measures import named_scores

from benchmarks import scribbles


def test_named_scores_count_the_number():
    truth = np.array([[1, 1, 2, 2]])
    assert named_scores(truth, truth) == {"accuracy": 1, "mean_iou": 1}
    scores = named_scores(np.array([[1, 2, 2, 2]]), truth)
    assert scores == {"accuracy": 0.75, "mean_iou": (1 / 2 + 2 / 3) / 2}
    assert named_scores(3 - truth, truth)["accuracy"] == 0


def test_every_method_is_measured(data_folder, tmp_path, capsys):
    file = tmp_path / "runs.json"
    words = ["--data", data_folder, "--limit", "1", "--json", file, "--processes", 1]
    scribbles.main([str(word) for word in words])
    (run,) = json.loads(file.read_text())["runs"]
    assert run["kept"] == run["kept again"] == 1
    assert run["scribbles"]["accuracy"] > 0.9
    shown = capsys.readouterr().out
    for method in scribbles.METHODS:
        assert f"| {method} |" in shown

"""Scores of objects, by hand."""

import numpy as np
from benchmarks.objects import NOISE, leave_one_out, object_scores, scikit_image

from tests.objects.discs import balls

TRUTH = np.zeros((10, 30), int)
TRUTH[2:8, 2:8], TRUTH[2:8, 12:18], TRUTH[2:8, 18:24] = 1, 2, 5


def test_the_same_objects():
    scores = object_scores(TRUTH, TRUTH)
    assert scores == {
        "f1": 1.0,
        "mean_f1": 1.0,
        "true": 3,
        "n": 3,
        "found": 3,
        "split": 0,
        "merged": 0,
    }


def test_split_and_merged():
    found = np.where(TRUTH == 5, 2, TRUTH)
    found[2:8, 2:5] = 7
    scores = object_scores(found, TRUTH)
    assert (scores["split"], scores["merged"]) == (1, 1)
    # Both halves of the first reach .5, and so does the merged one with either.
    assert scores["n"] == 3


def test_nothing_found():
    scores = object_scores(TRUTH * 0, TRUTH)
    assert (scores["f1"], scores["found"], scores["true"]) == (0.0, 0, 3)


def test_thresholds():
    found = TRUTH.copy()
    found[2:4, 2:8] = 0  # two thirds of the first
    scores = object_scores(found, TRUTH)
    assert scores["found"] == 3
    assert scores["mean_f1"] == np.mean([1.0] * 4 + [2 / 3] * 5)


def test_the_usual_recipe():
    pair = balls((24, 44), [(12, 12), (12, 28)], 9)
    assert scikit_image(0.5, 0.05)(pair).max() == 2


def test_what_suits_the_others_is_reported():
    best = {"a": NOISE[0], "b": NOISE[1], "c": NOISE[1]}
    records = [
        {
            "collection": name,
            "foreground": "automatic",
            "method": method,
            "f1": 0.9 if method == best[name] else 0.5,
            "mean_f1": 0.4,
        }
        for name in best
        for method in ("classes alone", *NOISE)
    ]
    rows = leave_one_out(records).split("\n")[2:]
    assert rows[0] == f"| a | {NOISE[1]:g} | 0.500 | 0.400 | 0.500 | 0.400 |"

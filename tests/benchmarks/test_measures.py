import numpy as np
import pytest
from benchmarks.datasets import labelled_images
from benchmarks.measures import (
    best_ious,
    boundaries,
    boundary_f,
    class_scores,
    covering,
    information_distance,
    mean_iou,
    photograph_scores,
    pixel_accuracy,
    rand_index,
)
from benchmarks.quality import best_of_each_image, pooled_iou
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.real_images import DATA

from .conftest import stripes

pytest.importorskip("sklearn", reason="scikit-learn computes the Rand index")
from benchmarks.measures import adjusted_rand

BSDS500 = DATA / "bsds500" / "groundTruth"

SIMILARITIES = (
    pixel_accuracy,
    mean_iou,
    boundary_f,
    adjusted_rand,
    covering,
    rand_index,
)
label_images = arrays(np.int64, (6, 7), elements=st.integers(0, 4))


def test_pixel_accuracy_and_mean_iou_of_known_cases():
    truth = np.array([[0, 0, 1, 1]])
    assert pixel_accuracy(np.array([[2, 2, 1, 1]]), truth) == 1
    assert pixel_accuracy(np.array([[1, 2, 3, 3]]), truth) == 0.75
    assert mean_iou(np.array([[2, 2, 1, 1]]), truth) == 1
    assert mean_iou(np.array([[1, 1, 1, 1]]), truth) == 0.25
    assert mean_iou(np.array([[1, 1, 1, 2]]), truth) == pytest.approx((2 / 3 + 0.5) / 2)


def test_two_labels_are_never_matched_with_the_same_segment():
    truth, labels = np.zeros((1, 6), int), np.array([[1, 1, 1, 2, 2, 3]])
    assert pixel_accuracy(labels, truth) == 0.5


def test_the_better_overlap_decides_where_as_many_pixels_match():
    truth, labels = np.array([[1, 1, 0, 0, 0, 0]]), np.array([[2, 0, 0, 1, 1, 1]])
    # Either 0 or 2 goes with true segment 1: 1 of 3 pixels or 1 of 2.
    expected = (1 / 2 + 3 / 4) / 2
    for names in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        assert mean_iou(np.array(names)[labels], truth) == pytest.approx(expected)


def test_true_numbers_with_gaps_count_as_they_are():
    truth = np.array([[0, 0, 7, 7]])
    assert mean_iou(np.array([[1, 1, 4, 4]]), truth) == 1


def test_best_iou_of_each_true_segment():
    truth, labels = stripes(4, 4, 2), stripes(6, 4)
    # 4 of 6; 2 of 8 and 2 of 6; 2 of 4.
    np.testing.assert_allclose(best_ious(labels, truth), [4 / 6, 2 / 6, 2 / 4])


def test_a_region_may_serve_several_true_segments():
    np.testing.assert_allclose(
        best_ious(stripes(8), stripes(4, 2, 2)), [0.5, 0.25, 0.25]
    )


def test_best_iou_takes_pieces_of_labels_but_true_segments_whole():
    in_pieces = np.array([[1, 1, 2, 2, 1, 1]])
    three = np.array([[1, 1, 2, 2, 3, 3]])
    np.testing.assert_allclose(best_ious(in_pieces, three), [1, 1, 1])
    np.testing.assert_allclose(best_ious(three, in_pieces), [0.5, 1])


def test_pieces_that_touch_at_a_corner_are_two():
    corner = np.array([[1, 2], [2, 1]])
    np.testing.assert_allclose(
        best_ious(corner, np.array([[1, 1], [2, 2]])), [0.5, 0.5]
    )


def test_boundaries_are_one_pixel_wide():
    assert (
        boundaries(stripes(3, 4, height=2)).astype(int).tolist()
        == [[0, 0, 1, 0, 0, 0, 0]] * 2
    )


def test_boundary_f_by_hand():
    # Diagonal 50: a tolerance of 0.06 reaches 3 pixels.
    truth = stripes(20, 20, height=30)
    assert boundary_f(stripes(23, 17, height=30), truth, 0.06) == 1
    assert boundary_f(stripes(24, 16, height=30), truth, 0.06) == 0
    # Of two lines one is right, and the only true one is found: 2 (1/2) / (3/2).
    assert boundary_f(stripes(20, 10, 10, height=30), truth, 0.06) == pytest.approx(
        2 / 3
    )
    assert boundary_f(stripes(40, height=30), truth) == 0
    assert boundary_f(stripes(40, height=30), stripes(40, height=30)) == 1


def test_variation_of_information_in_bits():
    halves, quarters = stripes(8, 8), stripes(4, 4, 4, 4)
    assert information_distance(halves, quarters) == pytest.approx(1)
    assert information_distance(stripes(16), quarters) == pytest.approx(2)
    across = stripes(8, 8, height=16).T
    assert information_distance(halves, across) == pytest.approx(2)


def test_adjusted_rand_index_of_known_cases():
    assert adjusted_rand(stripes(16), stripes(8, 8)) == 0
    # scikit-learn's own example: 0.57.
    labels, truth = np.array([[0, 0, 1, 2]]), np.array([[0, 0, 1, 1]])
    assert adjusted_rand(labels, truth) == pytest.approx(4 / 7)


@settings(max_examples=25)
@given(label_images, label_images, st.permutations(range(5)))
def test_numbers_of_labels_do_not_count(labels, truth, numbers):
    renamed = np.array(numbers)[labels]
    for measure in (*SIMILARITIES, information_distance):
        assert measure(renamed, truth) == pytest.approx(measure(labels, truth))
    np.testing.assert_allclose(best_ious(renamed, truth), best_ious(labels, truth))


@settings(max_examples=25)
@given(label_images, label_images)
def test_measures_are_within_their_bounds_and_best_for_the_truth(labels, truth):
    for measure in SIMILARITIES:
        assert measure(truth, truth) == pytest.approx(1)
        assert measure(labels, truth) <= 1 + 1e-9
    assert information_distance(truth, truth) == pytest.approx(0, abs=1e-9)
    assert information_distance(labels, truth) > -1e-9
    assert ((best_ious(labels, truth) > 0) & (best_ious(labels, truth) <= 1)).all()
    assert len(best_ious(labels, truth)) == len(np.unique(truth))
    for measure in (boundary_f, adjusted_rand, information_distance):
        there, back = measure(labels, truth), measure(truth, labels)
        assert there == pytest.approx(back, abs=1e-9)


def test_photograph_scores_average_over_annotators_and_pool_segments():
    labels = stripes(8, 8)
    truths = [stripes(8, 8), stripes(16), stripes(4, 4, 4, 4)]
    scores = photograph_scores(labels, truths)
    assert scores["accuracy"] == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert scores["variation_of_information"] == pytest.approx((0 + 1 + 1) / 3)
    assert scores["best_iou"] == {
        "all": {"sum": pytest.approx(2 + 0.5 + 2), "segments": 7},
        "fine": {"sum": pytest.approx(2), "segments": 4},
        "coarse": {"sum": pytest.approx(0.5), "segments": 1},
    }


def test_class_scores():
    scores = class_scores(stripes(12, 4), stripes(8, 8))
    assert scores == {
        "accuracy": pytest.approx(12 / 16),
        "mean_iou": pytest.approx((8 / 12 + 4 / 8) / 2),
    }


def one_label_miou(split):
    records = []
    segments = {"all": [], "fine": [], "coarse": []}
    for item in labelled_images(DATA, "bsds500", split):
        truths = item.read_truths()
        ious = [best_ious(np.ones(truth.shape, int), truth) for truth in truths]
        counts = sorted(len(np.unique(truth)) for truth in truths)
        segments["all"] += counts
        segments["fine"].append(counts[-1])
        segments["coarse"].append(counts[0])
        chosen = {
            "all": np.concatenate(ious),
            "fine": max(ious, key=len),
            "coarse": min(ious, key=len),
        }
        records.append(
            {
                "best_iou": {
                    name: {"sum": values.sum(), "segments": len(values)}
                    for name, values in chosen.items()
                }
            }
        )
    return {name: pooled_iou(records, name) for name in segments}, segments


@pytest.mark.skipif(not (BSDS500 / "val").is_dir(), reason=f"no {BSDS500 / 'val'}")
def test_one_label_scores_the_mean_share_of_a_true_segment():
    scores, segments = one_label_miou("val")
    # A true segment's IoU with the whole image is its share of it, and the shares of
    # an annotator's segments sum up to 1: one over the mean number of segments.
    for name, counts in segments.items():
        assert scores[name] == pytest.approx(1 / np.mean(counts))


@pytest.mark.skipif(
    not (BSDS500 / "test").is_dir(), reason=f"no BSDS500 test images in {BSDS500}"
)
def test_one_label_scores_on_the_test_images_what_kim_et_al_published():
    scores, _ = one_label_miou("test")
    published = {"all": 0.0458, "fine": 0.0249, "coarse": 0.1001}
    assert scores == pytest.approx(published, abs=5e-5)


def test_covering_by_hand():
    truth = np.repeat([0, 1], [6, 2])[np.newaxis]
    assert covering(truth, truth) == 1
    # 6 pixels are covered by 6 of 8, 2 pixels by 2 of 8.
    assert covering(np.zeros_like(truth), truth) == pytest.approx(
        (6 * 6 / 8 + 2 * 2 / 8) / 8
    )


def test_rand_index_by_hand():
    truth = np.array([[0, 0, 1, 1]])
    assert rand_index(truth + 3, truth) == 1
    # One label: of six pairs the two within the halves are right.
    assert rand_index(np.zeros_like(truth), truth) == pytest.approx(2 / 6)
    assert rand_index(np.arange(4)[np.newaxis], truth) == pytest.approx(4 / 6)


def test_the_best_of_each_image_has_the_largest_covering_there():
    runs = [
        {"method": method, "image": image, "seed": 0, "covering": covering}
        for method, coverings in (("a", (0.4, 0.9)), ("b", (0.6, 0.2)))
        for image, covering in zip("xy", coverings, strict=True)
    ]
    best = best_of_each_image(runs)
    assert [(run["image"], run["covering"]) for run in best] == [("x", 0.6), ("y", 0.9)]
    assert {run["method"] for run in best} == {"best of each image"}

import numpy as np
from benchmarks.strokes import strokes


def test_strokes_stay_in_their_class_and_have_their_size():
    truth = np.zeros((60, 80), int)
    truth[:, 40:] = 2
    painted = strokes(truth, 0)
    assert set(np.unique(painted)) == {0, 1, 3}
    np.testing.assert_array_equal(painted[painted > 0], truth[painted > 0] + 1)
    for value in (1, 3):
        assert 60 <= (painted == value).sum() <= 3 * 23 * 3


def test_strokes_are_the_same_for_a_seed_and_grow_in_number():
    truth = np.zeros((60, 80), int)
    truth[20:, 40:] = 1
    few, again, more = (
        strokes(truth, 1),
        strokes(truth, 1),
        strokes(truth, 1, per_class=5),
    )
    np.testing.assert_array_equal(few, again)
    np.testing.assert_array_equal(more[few > 0], few[few > 0])
    assert (more > 0).sum() > (few > 0).sum()
    assert (strokes(truth, 2) != few).any()


def test_a_class_of_one_pixel_is_painted():
    truth = np.zeros((10, 10), int)
    truth[4, 5] = 1
    assert strokes(truth, 0)[4, 5] == 2

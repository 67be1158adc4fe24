"""Objects cut along a line."""

import numpy as np
import pytest

from napari_mmtseg import InputError
from napari_mmtseg.labels.editing.splitting import split_by_line

LABELS = np.zeros((10, 20), np.uint8)
LABELS[2:8, 2:18] = 3
LABELS[9, 0] = 1


def test_both_sides_of_the_line():
    cut = split_by_line(LABELS, [(0, 8), (9, 8)])
    assert (cut[2:8, 9:18] == 3).all()
    assert (cut[2:8, 2:8] == 2).all()
    assert cut.dtype == np.uint8
    np.testing.assert_array_equal(cut > 0, LABELS > 0)
    assert cut[9, 0] == 1


@pytest.mark.parametrize("end", [(9, 3), (9, 12), (9, 16)])
def test_slanted_lines_are_tight(end):
    cut = split_by_line(LABELS, [(0, 10), end])
    assert np.unique(cut).tolist() == [0, 1, 2, 3]


def test_a_volume_is_cut_through():
    cut = split_by_line(np.stack([LABELS, LABELS]), [(0, 8), (9, 8)])
    np.testing.assert_array_equal(cut[0], cut[1])


def test_taken_labels_stay_free():
    assert 4 in split_by_line(LABELS, [(0, 8), (9, 8)], taken=[2])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ([(0, 8), (5, 8)], "not go all the way through object 3"),
        ([(0, 0), (1, 19)], "lies on no object"),
        ([(0, 0)], "two points"),
    ],
)
def test_refused(line, words):
    with pytest.raises(InputError, match=words):
        split_by_line(LABELS, line)

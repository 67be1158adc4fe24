"""The regions in which labels are least certain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_dilation, binary_erosion

from napari_mmtseg import InputError
from napari_mmtseg.labels import mean_confidence, uncertain_regions
from napari_mmtseg.labels.uncertainty import _opened

UNIT = st.floats(0, 1, width=32)


@pytest.fixture
def confidence():
    """Sure but for a mild large square, a bad small one, a line and a pixel."""
    confidence = np.ones((60, 80), np.float32)
    confidence[5:20, 10:25] = 0.5  # 225 pixels, doubt 112.5
    confidence[40:50, 50:60] = 0.1  # 100 pixels, doubt 90
    confidence[42, 53] = 0.05
    confidence[30] = 0.0
    confidence[55, 5] = 0.0
    return confidence


def test_the_worst_come_first_and_thin_ones_not_at_all(confidence):
    mild, bad = uncertain_regions(confidence)
    assert mild.box == (slice(5, 20), slice(10, 25))
    assert (mild.place, mild.size, mild.confidence) == ((5, 10), 225, 0.5)
    assert bad.box == (slice(40, 50), slice(50, 60))
    assert (bad.place, bad.size) == ((42, 53), 100)
    assert bad.confidence == pytest.approx(0.0995)
    assert mild.doubt == 112.5
    assert uncertain_regions(confidence, n_regions=1) == [mild]
    assert uncertain_regions(confidence, min_size=101) == [mild]


def test_regions_do_not_go_across_labels(confidence):
    labels = np.ones(confidence.shape, np.int32)
    labels[:, 18:] = 4
    labels[40:] = 0  # not looked at
    left, right = uncertain_regions(confidence, labels)
    assert left.box == (slice(5, 20), slice(10, 18))
    assert right.box == (slice(5, 20), slice(18, 25))


def test_only_the_least_certain_tenth_is_looked_at():
    confidence = np.full((50, 50), 0.6)
    confidence[:10, :25] = 0.4  # a tenth of the pixels
    (region,) = uncertain_regions(confidence)
    assert region.box == (slice(0, 10), slice(0, 25))


def test_nothing_is_doubted_where_all_is_certain():
    assert uncertain_regions(np.ones((30, 30))) == []
    assert uncertain_regions(np.zeros((30, 30)), np.zeros((30, 30), int)) == []
    (whole,) = uncertain_regions(np.full((30, 30), 0.8))
    assert whole.size == 900


def test_regions_of_a_stack_go_through_its_planes(confidence):
    stack = np.stack([np.ones_like(confidence), confidence, confidence])
    mild, bad = uncertain_regions(stack)
    assert mild.box == (slice(1, 3), slice(5, 20), slice(10, 25))
    assert bad.place == (1, 42, 53)


@given(
    arrays(np.float32, (24, 30), elements=UNIT),
    arrays(np.uint8, (24, 30), elements=st.integers(0, 2), fill=st.just(1)),
)
def test_every_region_is_what_it_says(confidence, labels):
    regions = uncertain_regions(confidence, labels, min_size=1)
    doubts = [region.doubt for region in regions]
    assert doubts == sorted(doubts, reverse=True) or np.allclose(
        doubts, sorted(doubts, reverse=True)
    )
    for region in regions:
        assert all(
            box.start <= i < box.stop
            for i, box in zip(region.place, region.box, strict=True)
        )
        assert labels[region.place] != 0
        # A square of 3 x 3 that is cut off by a corner of the image.
        assert 4 <= region.size <= labels[region.box].size
        assert confidence[region.place] <= region.confidence + 1e-6
        assert 0 <= region.confidence <= 1


@given(
    arrays(np.float32, (6, 7), elements=UNIT),
    arrays(np.uint8, (6, 7), elements=st.integers(0, 3)),
)
def test_mean_confidence_is_that_of_every_label(confidence, labels):
    means = mean_confidence(labels, confidence)
    assert list(means) == [n for n in np.unique(labels) if n]
    for number, mean in means.items():
        assert mean == pytest.approx(confidence[labels == number].mean(), abs=1e-5)


@pytest.mark.parametrize(
    ("confidence", "labels", "message"),
    [
        (np.ones(5), None, "two or more axes"),
        (np.ones((0, 5)), None, "two or more axes"),
        (np.full((5, 5), 1.5), None, "from 0 to 1"),
        (np.full((5, 5), np.nan), None, "from 0 to 1"),
        (np.ones((5, 5)), np.ones((5, 4), int), "in the shape"),
        (np.ones((5, 5)), np.ones((5, 5)), "integers"),
        (np.ones((5, 5)), np.full((5, 5), -1), "lowest label is -1"),
    ],
)
def test_what_cannot_be_used_is_refused(confidence, labels, message):
    with pytest.raises(InputError, match=message):
        uncertain_regions(confidence, labels)


@given(
    arrays(np.bool_, (11, 12), fill=st.just(True)),
    arrays(np.uint8, (11, 12), elements=st.integers(0, 1), fill=st.just(1)),
)
def test_a_square_of_one_label_fits_in(low, numbers):
    low &= numbers > 0
    expected = np.zeros_like(low)
    for number in np.unique(numbers[low]):
        mask = np.pad(low & (numbers == number), 2, mode="edge")
        opened = binary_dilation(
            binary_erosion(mask, np.ones((5, 5)))[2:-2, 2:-2], np.ones((5, 5))
        )
        expected |= opened
    np.testing.assert_array_equal(_opened(low, numbers, 5), expected & low)

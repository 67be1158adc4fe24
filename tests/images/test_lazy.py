"""Parts of arrays that are read on access."""

import numpy as np
import pytest

from napari_mmtseg.images.lazy import ArrayPart


def test_a_part_is_read_like_the_array_itself():
    array = np.arange(4 * 20 * 30).reshape(4, 20, 30)
    part = ArrayPart(array, (slice(None), slice(5, 17), slice(8, 30)))
    expected = array[:, 5:17, 8:30]
    assert part.shape == expected.shape
    for key in (
        (),
        2,
        (slice(1, 3), slice(0, 4)),
        (slice(None), slice(2, 9), slice(3, 100)),
        (-1, slice(None, None, 3)),
    ):
        np.testing.assert_array_equal(part[key], expected[key])
    inner = ArrayPart(part, (1, slice(2, 10), slice(None)))
    np.testing.assert_array_equal(inner, expected[1, 2:10])
    copy = np.array(part)
    array[:] = 0
    np.testing.assert_array_equal(copy, np.arange(2400).reshape(4, 20, 30)[:, 5:17, 8:])


@pytest.mark.parametrize("order", [(1, 0, 2, 3), (3, 0, 1, 2), (2, 3, 1, 0)])
def test_reordered_axes_are_read_like_transposed_ones(order):
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    expected = array.transpose(order)
    da = pytest.importorskip("dask.array")
    chunked = da.from_array(array, chunks=(1, 3, 2, 5))
    front = ArrayPart(chunked, (slice(None),) * 4, order)
    assert front.shape == expected.shape
    assert front.ndim == 4
    assert [sum(lengths) for lengths in front.chunks] == list(expected.shape)
    for key in (
        (),
        1,
        (slice(0, 2), 1),
        (1, slice(None), 0),
        (slice(None), 0, slice(0, 2), slice(1, 3)),
        (Ellipsis, slice(0, 2)),
        (0, Ellipsis, np.int64(1)),
    ):
        np.testing.assert_array_equal(front[key], expected[key])
    np.testing.assert_array_equal(np.array(front), expected)


def test_part_and_order_go_together():
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    part = ArrayPart(array, (slice(None), 1, slice(1, 4), slice(None)), (2, 0, 1))
    expected = array[:, 1, 1:4].transpose(2, 0, 1)
    assert part.shape == expected.shape
    np.testing.assert_array_equal(part[1:3, :, 2], expected[1:3, :, 2])

"""Parts of arrays that are read on access, and chunks that are read once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_mmtseg.images.lazy import ArrayPart, ChunkCache, block_sides, chunk_edges


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


class Chunked:
    """An array in chunks that counts how often each of its pixels is read."""

    def __init__(self, shape, chunks):
        self.values = np.arange(np.prod(shape)).reshape(shape)
        self.reads = np.zeros(shape, int)
        self.shape, self.chunks, self.dtype = shape, chunks, self.values.dtype

    def __getitem__(self, index):
        self.reads[index] += 1
        return self.values[index]


def test_edges_of_chunks_as_zarr_and_as_dask_tell_them():
    regular = [e.tolist() for e in chunk_edges(Chunked((7, 4), (3, 4)))]
    assert regular == [[0, 3, 6, 7], [0, 4]]
    uneven = [e.tolist() for e in chunk_edges(Chunked((7, 4), ((2, 5), (1, 3))))]
    assert uneven == [[0, 2, 7], [0, 1, 4]]
    assert chunk_edges(np.zeros((3, 4))) is None


def test_a_part_of_an_array_has_the_chunks_that_lie_in_it():
    part = ArrayPart(Chunked((2, 7, 4), (1, 3, 4)), (1, slice(2, 7), slice(None)))
    assert part.chunks == ((1, 3, 1), (4,))
    assert ArrayPart(np.zeros((3, 4)), (slice(None), 1)).chunks is None


spans = st.tuples(st.integers(0, 11), st.integers(1, 12)).map(
    lambda pair: slice(pair[0], max(pair[1], pair[0] + 1))
)


@given(
    st.lists(st.tuples(st.integers(0, 2), spans, spans), min_size=1, max_size=6),
    st.integers(1, 5),
    st.sampled_from([0, 200, 10**6]),
)
@settings(max_examples=60)
def test_what_is_read_is_what_is_there(parts, side, capacity):
    array = Chunked((3, 12, 12), (2, side, side))
    cache = ChunkCache(array, chunk_edges(array), capacity)
    for index in parts:
        np.testing.assert_array_equal(cache[index], array.values[index])
    if capacity > 10_000:
        assert array.reads.max() == 1


def test_of_more_than_fits_the_chunks_used_last_are_kept():
    array = Chunked((1, 64), (1, 16))
    cache = ChunkCache(array, chunk_edges(array), capacity=2 * 16 * 8)
    for chunk in (0, 1, 0, 2, 0, 1):  # the third one takes the place of the second
        cache[0, 16 * chunk : 16 * chunk + 16]
    assert array.reads[0, ::16].tolist() == [1, 2, 1, 0]


def test_blocks_with_a_halo_read_every_chunk_once():
    array = Chunked((60, 80), (16, 16))
    cache = ChunkCache(array, chunk_edges(array))
    for y in range(0, 60, 32):
        for x in range(0, 80, 32):
            cache[max(y - 5, 0) : y + 37, max(x - 5, 0) : x + 37]
    assert (array.reads == 1).all()


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([None, None], [128, 128]),
        ([(64, 50), None], [128, 100]),
        ([(64, 64), (48, 48)], [192, 192]),  # both of them: 192 is 3 and 4 chunks
        ([None, (200, 200)], [200, 200]),  # a little larger, but whole
        ([None, (600, 640)], [128, 128]),  # not all at once
        ([None, (8, 640)], [24, 640]),  # strips: whole ones
    ],
)
def test_blocks_are_whole_chunks_of_about_the_size_that_is_wanted(units, expected):
    assert block_sides((600, 640), units, 128, 4) == expected


def test_strips_are_cut_where_they_would_be_mere_halo():
    assert block_sides((600, 640), [None, (8, 640)], 128, 11) == [128, 128]

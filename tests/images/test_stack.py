import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_mmtseg import InputError
from napari_mmtseg.images.axes import parse_axes
from napari_mmtseg.images.stack import ImageStack, check_spacing


@pytest.mark.parametrize(
    ("shape", "options", "axes", "labels"),
    [
        ((20, 30), {}, "YX", (20, 30)),
        ((20, 30, 3), {}, "YXS", (20, 30)),
        ((5, 20, 30), {}, "ZYX", (5, 20, 30)),
        ((3, 20, 30), {}, "ZYX", (3, 20, 30)),
        ((3, 20, 30), {"channel_axis": 0}, "CYX", (20, 30)),
        ((2, 5, 20, 30), {}, "TZYX", (2, 5, 20, 30)),
        ((5, 20, 30, 3), {}, "ZYXS", (5, 20, 30)),
        ((5, 2, 20, 30), {"channel_axis": 1}, "ZCYX", (5, 20, 30)),
        ((2, 3, 5, 20, 30), {"axes": "t c z y x"}, "TCZYX", (2, 5, 20, 30)),
        ((5, 20, 30, 3), {"axes": "Z Y X RGB"}, "ZYXS", (5, 20, 30)),
        ((20, 30, 5), {"axes": "YXT"}, "YXT", (20, 30, 5)),
    ],
)
def test_axes_are_guessed_or_named(shape, options, axes, labels):
    stack = ImageStack.of(np.zeros(shape), **options)
    assert stack.axes == axes
    assert stack.shape == labels


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((12,), {}, "1 spatial axes"),
        ((5, 20, 30), {"axes": "YX"}, "does not name the 3 axes"),
        ((5, 20, 30), {"axes": "ZZX"}, "needs Y before X"),
        ((5, 20, 30), {"axes": "ZXY"}, "needs Y before X"),
        ((5, 20, 30), {"axes": "YZX"}, "Z before both"),
        ((5, 20, 30), {"axes": "CYX", "channel_axis": 1}, "do not agree"),
        ((5, 20, 30), {"axes": "SYX"}, "3 or 4 entries"),
        ((5, 20, 30), {"channel_axis": 3}, "does not exist"),
        ((5, 20, 4), {"axes": "ZYX"}, "too small"),
        ((0, 20, 30), {}, "no pixels"),
        ((5, 20, 30), {"axes": "TYX", "volumes": True}, "needs an axis Z"),
    ],
)
def test_axes_that_cannot_be(shape, options, message):
    with pytest.raises(InputError, match=message):
        ImageStack.of(np.zeros(shape), **options)


def test_data_that_are_no_numbers_are_refused_unread():
    with pytest.raises(InputError, match="complex64"):
        ImageStack.of(np.zeros((5, 20, 30), np.complex64))


@settings(max_examples=40)
@given(st.permutations("TCZYX"), st.booleans(), st.data())
def test_frames_and_their_places_are_parts_of_the_whole(axes, volumes, data):
    axes = "".join(axes)
    in_order = axes.index("Z") < axes.index("Y") < axes.index("X")
    lengths = {"T": 2, "C": 3, "Z": 4, "Y": 9, "X": 10}
    array = np.arange(2 * 3 * 4 * 9 * 10).reshape([lengths[a] for a in axes])
    if not in_order:
        with pytest.raises(InputError):
            ImageStack.of(array, axes=axes)
        return
    stack = ImageStack.of(array, axes=axes, volumes=volumes)
    whole = np.zeros(stack.shape, int)
    for index in stack.indices():
        frame = stack.frame(index)
        pixels = frame.read()
        assert pixels.shape == frame.shape
        assert pixels.dtype == frame.dtype
        window = tuple(
            slice(*sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2))))
            for n in frame.shape
        )
        np.testing.assert_array_equal(frame[window], pixels[window])
        whole[stack.place(stack.whole(index))] = pixels[1]
    np.testing.assert_array_equal(whole, np.take(array, 1, axes.index("C")))
    assert stack.n_frames == (2 if volumes else 8)


def test_a_frame_reads_no_more_than_it_is_asked_for():
    class Watched:
        shape, dtype = (1000, 1000, 1000), np.dtype(np.uint8)

        def __getitem__(self, index):
            part = np.broadcast_to(np.uint8(0), self.shape)[index]
            assert part.size <= 64 * 64
            return part

    frame = ImageStack.of(Watched()).frame((500,))
    assert frame[:, 100:164, 200:264].shape == (1, 64, 64)


def test_alpha_is_left_out_with_a_warning():
    with pytest.warns(UserWarning, match="alpha"):
        stack = ImageStack.of(np.zeros((5, 20, 30, 4)))
    assert stack.frame((0,)).shape == (3, 20, 30)


def test_a_volume_of_one_slice_is_a_slice():
    stack = ImageStack.of(np.zeros((1, 20, 30)), volumes=True)
    assert not stack.volumes
    assert stack.is_one_image


def test_spacing_is_one_number_for_every_axis_of_the_labels():
    stack = ImageStack.of(np.zeros((5, 2, 20, 30)), axes="ZCYX")
    assert check_spacing((3.0, 0.5, 1.0), stack) == 4.0
    assert check_spacing(None, stack) == 1.0
    for wrong in [(1, 1), (1, 1, 0), (1, 1, float("nan"))]:
        with pytest.raises(InputError, match="axes ZYX"):
            check_spacing(wrong, stack)


def test_parse_axes_takes_what_people_write():
    assert parse_axes("z, y, x, rgb", 4) == "ZYXS"

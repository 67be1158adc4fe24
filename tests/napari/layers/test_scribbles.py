"""Which paint lies on the image that is segmented."""

import numpy as np
import pytest

from napari.layers import Image
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.scribbles import choose_scribbles
from napari_mmtseg.napari.layers.source import choose_source


def source(shape, axes, point=None):
    return choose_source(Image(np.zeros(shape), name="image"), axes, point)


def test_one_image():
    labels = np.zeros((20, 30), np.uint8)
    labels[3, 4] = 7
    scribbles = choose_scribbles("paint", labels, source((20, 30), "Y X"))
    np.testing.assert_array_equal(scribbles.painted, labels)
    assert (scribbles.painted.dtype, scribbles.values, scribbles.others) == (
        np.int32,
        {7},
        (),
    )
    labels[:] = 1
    assert scribbles.painted[0, 0] == 0  # frozen


def test_channels_have_no_labels():
    labels = np.ones((20, 30), int)
    assert choose_scribbles("p", labels, source((3, 20, 30), "C Y X")).painted.all()


@pytest.mark.parametrize("shape", [(9, 20, 30), (20, 30), (1, 20, 30)])
def test_the_current_slice_of_a_stack(shape):
    labels = np.zeros(shape, int)
    labels[(2, 5, 6) if shape[0] == 9 else (..., 5, 6)] = 3
    image = source((9, 20, 30), "Z Y X", (2, 0, 0))
    scribbles = choose_scribbles("paint", labels, image)
    assert scribbles.painted.shape == (20, 30)
    assert scribbles.painted[5, 6] == 3


def test_other_slices_with_paint():
    labels = np.zeros((9, 20, 30), int)
    labels[2, 5, 6] = 3
    labels[4, 1, 1] = 1
    labels[7, :2] = 2
    array = np.arange(9)[:, np.newaxis, np.newaxis] * np.ones((9, 20, 30))
    image = choose_source(Image(array), "Z Y X", (2, 0, 0))
    scribbles = choose_scribbles("paint", labels, image, all_slices=True)
    assert scribbles.values == {1, 2, 3}
    read = [(there.read()[0, 0], painted.sum()) for there, painted in scribbles.others]
    assert read == [(7, 120), (4, 1)]
    assert choose_scribbles("paint", labels, image).others == ()


def test_a_slice_without_paint_learns_from_others():
    labels = np.zeros((9, 20, 30), int)
    labels[4, 1, 1] = 1
    image = source((9, 20, 30), "Z Y X", (2, 0, 0))
    scribbles = choose_scribbles("paint", labels, image, all_slices=True)
    assert not scribbles.painted.any()
    assert len(scribbles.others) == 1
    with pytest.raises(InputError, match="on this slice"):
        choose_scribbles("paint", labels, image)


def test_only_the_slices_with_the_most_paint():
    labels = np.zeros((40, 8, 8), int)
    for z in range(40):
        labels[z].flat[: z + 1] = 1
    image = source((40, 8, 8), "Z Y X", (0, 0, 0))
    scribbles = choose_scribbles("paint", labels, image, all_slices=True)
    assert [there.slices for there, _ in scribbles.others]
    assert min(painted.sum() for _, painted in scribbles.others) >= 24


@pytest.mark.parametrize("shape", [(30, 20), (8, 20, 30), (2, 2, 20, 30)])
def test_labels_of_another_image_are_refused(shape):
    with pytest.raises(InputError, match="does not lie on “image”"):
        choose_scribbles("p", np.ones(shape, int), source((9, 20, 30), "Z Y X"))


def test_nothing_painted_is_refused():
    with pytest.raises(InputError, match=r"Nothing is painted in “p”\. "):
        choose_scribbles("p", np.zeros((20, 30), int), source((20, 30), "Y X"))

"""The class that is background, found from the image itself."""

import imageio.v3 as iio
import numpy as np
import pytest

from napari_mmtseg.labels.background import find_background
from tests.real_images import ALLOY, NUCLEI, needs_alloy, needs_nuclei


def disc(value, around, part=1.0):
    """Return an image (1, 40, 40) of a disc, and labels, 2 where `part` of it is."""
    y, x = np.mgrid[:40, :40] - 19.5
    inside = np.hypot(y, x) < 12
    image = np.where(inside, value, around).astype(float)
    labels = np.where(np.hypot(y, x) < 12 * part, 2, 1)
    return image[np.newaxis], labels


@pytest.mark.parametrize(("value", "around"), [(200, 10), (10, 200)])
def test_what_surrounds_an_object_is_background(value, around):
    image, labels = disc(value, around)
    assert find_background([labels], [image]) == 1
    assert find_background([3 - labels], [image]) == 2


def test_choices_by_brightness_and_by_label():
    image, labels = disc(200, 10)
    chosen = [
        find_background([labels], [image], choice)
        for choice in ("none", "darkest", "brightest", 2)
    ]
    assert chosen == [None, 1, 2, 2]
    with pytest.warns(UserWarning, match="no class 7"):
        assert find_background([labels], [image], 7) is None


def test_one_class_is_no_background():
    image, labels = disc(9, 9, 0)
    assert find_background([labels], [image]) is None
    assert find_background([labels], [image], "darkest") is None


def in_pieces():
    labels = np.ones((40, 40), int)
    labels[::6] = labels[:, ::6] = 2
    return labels


@pytest.mark.parametrize(
    "labels",
    [
        np.repeat([[1], [2]], 20, 0) * np.ones((1, 40), int),
        np.indices((40, 40)).sum(0) // 2 % 2 + 1,  # stripes
        in_pieces(),
    ],
)
def test_an_image_that_is_filled_has_none(labels):
    assert find_background([labels], [labels[np.newaxis] * 50.0]) is None


def test_pixels_without_a_value_do_not_count():
    image, labels = disc(200, 10)
    image[0, labels == 1] = np.nan
    labels[18:22, 18:22] = 3
    # What is left: a disc with a small square in it, without any border.
    assert find_background([labels], [image]) is None


@pytest.mark.filterwarnings("error")
def test_values_beyond_32_bits_do_not_count():
    image, labels = disc(200, 10)
    image[0, 0, 0] = 1e300
    assert find_background([labels], [image]) == 1


def coloured(labels, first, second):
    """Return an RGB image (3, Y, X) uint8 with a colour for each of two labels."""
    return np.moveaxis(np.array([first, first, second], np.uint8)[labels], -1, 0)


def test_stains_have_a_bright_background_and_a_photograph_a_black_one():
    _, labels = disc(0, 0)
    white, stain = (250, 250, 250), (120, 60, 160)
    assert find_background([labels], [coloured(labels, white, stain)]) == 1
    # Tissue around a hole is not background.
    assert find_background([labels], [coloured(labels, stain, white)]) is None
    red, meadow, black = (200, 30, 30), (60, 130, 50), (8, 6, 9)
    for colour, expected in ((meadow, None), (black, 1)):
        scene = coloured(labels, colour, red)
        assert find_background([labels], [scene]) == expected


def test_what_is_dark_in_every_channel_is_background_of_crowded_cells():
    labels = np.ones((40, 40), int)
    labels[:14, :32], labels[28:, 12:] = 2, 3
    channels = np.stack([np.where(labels == value, 200.0, 20) for value in (2, 3)])
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    assert 0.4 < (border == 1).mean() < 0.6
    assert find_background([labels], [channels]) == 1
    assert find_background([labels], [channels.max(0, keepdims=True)]) is None
    assert find_background([labels], [200 - channels]) is None


def test_several_planes_are_looked_at_together():
    image, labels = disc(200, 10)
    volume = np.stack([labels] * 4), np.stack([image[0]] * 4)[np.newaxis]
    assert find_background([volume[0]], [volume[1]]) == 1
    # In one of two images only what is bright can be seen.
    bright = np.full_like(labels, 2), np.full_like(image, 200.0)
    assert find_background([labels, bright[0]], [image, bright[1]]) is None


def background_of_truth(path):
    """Return what is found with the true classes of a micrograph as labels."""
    truth = iio.imread(path.parents[1] / "labels" / f"{path.stem}.png").astype(int)
    return find_background([truth + 1], [iio.imread(path)[np.newaxis]])


@needs_nuclei
def test_nuclei_lie_on_a_background():
    paths = sorted((NUCLEI / "images").iterdir())[::4]
    assert [background_of_truth(path) for path in paths] == [1] * len(paths)


@needs_alloy
def test_precipitates_fill_an_alloy():
    paths = sorted((ALLOY / "images").iterdir())[::4]
    assert [background_of_truth(path) for path in paths] == [None] * len(paths)

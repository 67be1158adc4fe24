"""The palette of classes, seen by everyone."""

from itertools import combinations

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from napari.layers import Labels
from napari_mmtseg.napari.layers.colours import (
    PALETTE,
    class_colormap,
    colour_by_output,
)

# Machado, Oliveira and Fernandes 2009, deuteranopia (severity 1), for linear RGB.
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
CLASSES = class_colormap().map(np.arange(1, 9))[:, :3]


def as_seen(colours, matrix):
    """Return sRGB colours as they look to the owner of a matrix for linear RGB."""
    low = colours <= 0.04045
    linear = np.where(low, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ matrix.T, 0, 1)
    high = 1.055 * seen ** (1 / 2.4) - 0.055
    return np.where(seen <= 0.0031308, 12.92 * seen, high)


def differences(colours):
    lab = rgb2lab(colours)
    return [float(deltaE_ciede2000(a, b)) for a, b in combinations(lab, 2)]


def test_classes_differ_for_everyone():
    assert len(CLASSES) == len(PALETTE)
    grey = np.array([[0.0] * 3, [1.0] * 3])
    for matrix in (np.eye(3), DEUTERANOPIA):
        assert min(differences(as_seen(CLASSES, matrix))) > 20
        for ground in as_seen(grey, matrix):
            for colour in as_seen(CLASSES, matrix):
                assert min(differences(np.array([ground, colour]))) > 20


def test_background_is_transparent_and_later_labels_have_colours():
    colours = class_colormap().map(np.array([0, 9, 40]))
    assert colours[0, 3] == 0
    assert (colours[1:, 3] == 1).all()


def test_regions_have_the_colours_of_napari_until_classes_are_shown_again():
    layer = Labels(np.eye(4, dtype=int), colormap=class_colormap())
    colour_by_output(layer, "regions")
    usual = Labels(layer.data).colormap
    np.testing.assert_array_equal(layer.colormap.colors, usual.colors)
    colour_by_output(layer, "classes")
    np.testing.assert_array_equal(layer.colormap.colors, class_colormap().colors)


def test_colours_of_the_user_stay():
    layer = Labels(np.eye(4, dtype=int))
    usual = layer.colormap
    for output in ("regions", "classes"):
        colour_by_output(layer, output)
        assert layer.colormap is usual

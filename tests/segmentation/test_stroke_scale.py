"""The weight of averages over regions, chosen by strokes that are left out."""

import numpy as np

from napari_mmtseg.engine.model.image_view import ImageView
from napari_mmtseg.segmentation.stroke_scale import BOTH, REGIONS, region_weight


def halves(noise):
    """Return two flat halves whose only feature lies under noise, with strokes."""
    image = np.zeros((1, 60, 80), np.float32)
    image[:, :, 40:] = 1
    rng = np.random.default_rng(0)
    seen = (image + rng.normal(0, noise, image.shape)).astype(np.float32)
    painted = np.zeros(image.shape[1:], np.int32)
    for row in (10, 30, 50):
        painted[row, 5:25], painted[row, 55:75] = 1, 2
    return ImageView(image, seen), painted


def test_regions_alone_where_pixels_are_lost_in_noise():
    view, painted = halves(noise=2)
    assert region_weight([view], [painted], [1], 2) == REGIONS
    view, painted = halves(noise=0.02)
    assert region_weight([view], [painted], [1], 2) == BOTH


def test_pixels_count_where_objects_are_smaller_than_regions():
    view, painted = halves(noise=0.02)
    columns = np.zeros(painted.shape, np.float32)
    columns[:, 1::3] = 1
    painted = np.zeros(painted.shape, np.int32)
    for row in (10, 30, 50):
        painted[row : row + 9, 31] = 2
        painted[row : row + 9, 50] = painted[row : row + 9, 20] = 1
    stripes = ImageView(view.image, columns[np.newaxis])
    assert region_weight([stripes], [painted], [1], 2) == BOTH


def test_one_stroke_of_each_class_cannot_be_left_out():
    view, painted = halves(noise=2)
    painted[20:] = 0
    assert region_weight([view], [painted], [1], 2) == BOTH


def test_strokes_of_several_images_count_together():
    view, painted = halves(noise=2)
    nothing = np.zeros_like(painted)
    assert region_weight([view, view], [painted, nothing], [1], 2) == REGIONS
    first, second = painted.copy(), painted.copy()
    first[20:], second[:20] = 0, 0
    assert region_weight([view, view], [first, second], [1], 2) == REGIONS

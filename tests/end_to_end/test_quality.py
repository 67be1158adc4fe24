"""The whole way on real images, with a floor on what comes out."""

import imageio.v3 as iio
import numpy as np
from benchmarks.measures import mean_iou, pixel_accuracy
from skimage import data

import napari_mmtseg as mm
from tests.real_images import NUCLEI, needs_nuclei


@needs_nuclei
def test_fluorescent_nuclei_at_two_classes():
    paths = sorted((NUCLEI / "images").iterdir())[::12]
    scores = []
    for path in paths:
        truth = iio.imread(NUCLEI / "labels" / f"{path.stem}.png")
        labels = mm.segment(iio.imread(path), n_labels=2)
        scores.append(pixel_accuracy(labels, truth))
    assert len(scores) >= 4
    assert np.mean(scores) > 0.95


def test_coins_stand_out_from_their_background():
    # Without the top, where the background is as bright as the coins.
    image = data.coins()[160:]
    labels = mm.segment(image, n_labels=2)
    # Centres of six coins and of six gaps between them, by hand.
    coins = [(20, 110), (20, 220), (20, 345), (88, 110), (88, 230), (88, 300)]
    gaps = [(55, 40), (55, 190), (55, 270), (115, 200), (5, 165), (115, 330)]
    assert np.mean([np.median(patch(labels, p)) == 2 for p in coins]) >= 5 / 6
    assert np.mean([np.median(patch(labels, p)) == 1 for p in gaps]) >= 5 / 6


def patch(labels, point):
    y, x = point
    return labels[max(y - 4, 0) : y + 5, x - 4 : x + 5]


def test_stained_glands_are_told_from_the_tissue_around_them():
    image = data.immunohistochemistry()
    labels = mm.segment(image, n_labels=2)
    # DAB stains the glands brown: red exceeds blue clearly.
    brown = image[..., 0].astype(int) - image[..., 2] > 40
    assert mean_iou(labels, brown.astype(np.uint8)) > 0.6


def test_the_same_model_labels_another_image_with_the_same_classes():
    image = data.immunohistochemistry()
    model = mm.fit(image[:, :256], n_labels=2)
    both = mm.segment(image[:, :256], n_labels=2)
    np.testing.assert_array_equal(model.predict(image[:, :256]), both)
    other = model.predict(image[:, 256:])
    brown = image[:, 256:, 0].astype(int) - image[:, 256:, 2] > 40
    assert other[brown].mean() < 1.4 < other[~brown].mean()

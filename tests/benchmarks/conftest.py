"""A small folder that is laid out like the benchmark data."""

import imageio.v3 as iio
import numpy as np
import pytest
from scipy.io import savemat


def stripes(*widths, height=16):
    """Make a label image of upright stripes, 0, 1, 2..."""
    return np.tile(np.repeat(np.arange(len(widths)), widths), (height, 1))


@pytest.fixture
def data_folder(tmp_path):
    """Three photographs of each split by two annotators, a set of five class maps."""
    folder = tmp_path / "data"
    halves, quarters = stripes(12, 12), stripes(6, 6, 6, 6)
    for split in ("train", "val"):
        images = folder / "bsds500" / "images" / split
        truths = folder / "bsds500" / "groundTruth" / split
        images.mkdir(parents=True)
        truths.mkdir(parents=True)
        for number in range(3):
            grey = (halves * 150 + 20 + number).astype(np.uint8)
            iio.imwrite(images / f"{number}.png", np.stack([grey] * 3, -1))
            annotators = np.empty((1, 2), object)
            for place, truth in enumerate((halves, quarters)):
                segmentation = np.empty((1, 1), object)
                segmentation[0, 0] = (truth + 1).astype(np.uint16)
                annotators[0, place] = {"Segmentation": truth + 1}
            savemat(truths / f"{number}.mat", {"groundTruth": annotators})
    cells = folder / "microscopy" / "cells"
    (cells / "images").mkdir(parents=True)
    (cells / "labels").mkdir()
    (folder / "microscopy" / "without_truth" / "images").mkdir(parents=True)
    thirds = stripes(8, 8, 8)
    for number in range(5):
        name = f"{number}.png"
        iio.imwrite(cells / "images" / name, (thirds * 100).astype(np.uint8))
        iio.imwrite(cells / "labels" / name, thirds.astype(np.uint8))
    return folder

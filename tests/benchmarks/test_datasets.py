import numpy as np
import pytest
from benchmarks.datasets import evenly_spread, labelled_images

from napari_mmtseg import InputError


def test_photographs_of_a_split_with_all_annotators(data_folder):
    images = labelled_images(data_folder, "bsds500", "val")
    assert [image.name for image in images] == ["0", "1", "2"]
    assert images[0].read_image().shape == (16, 24, 3)
    halves, quarters = images[0].read_truths()
    assert (len(np.unique(halves)), len(np.unique(quarters))) == (2, 4)
    assert images[0].true_number() is None
    assert len(labelled_images(data_folder, "bsds500", "all")) == 6


def test_microscopy_is_split_into_even_and_odd_places(data_folder):
    train = labelled_images(data_folder, "microscopy", "train")
    val = labelled_images(data_folder, "microscopy", "val")
    assert [image.name for image in train] == ["0", "2", "4"]
    assert [image.name for image in val] == ["1", "3"]
    assert len(labelled_images(data_folder, "microscopy", "all")) == 5
    assert {image.collection for image in train} == {"cells"}
    assert train[0].true_number() == 3


def test_limit_takes_evenly_spread_images_of_each_set(data_folder):
    assert evenly_spread(list(range(10)), 3) == [0, 3, 6]
    assert evenly_spread([1, 2], 5) == [1, 2]
    assert evenly_spread([1, 2], None) == [1, 2]
    assert len(labelled_images(data_folder, "bsds500", "train", 2)) == 2


@pytest.mark.parametrize("dataset", ["bsds500", "microscopy"])
def test_a_split_that_is_not_there_is_named(data_folder, dataset):
    with pytest.raises(InputError, match="test"):
        labelled_images(data_folder, dataset, "test")

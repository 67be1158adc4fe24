"""Folders of real images, with one class the same in all of them."""

import csv
import shutil

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from benchmarks.measures import pixel_accuracy

from napari_mmtseg.cli.main import main
from tests.real_images import ALLOY, NUCLEI, needs_alloy, needs_nuclei


@pytest.mark.parametrize(
    ("folder", "every_nth", "n_labels", "floor"),
    [
        pytest.param(NUCLEI, 6, 2, 0.93, marks=needs_nuclei),
        pytest.param(ALLOY, 4, 3, 0.75, marks=needs_alloy),
    ],
    ids=["nuclei", "alloy"],
)
def test_one_class_means_the_same_in_a_whole_folder(
    tmp_path, capsys, folder, every_nth, n_labels, floor
):
    # Some of the images say as much as all of them.
    source, target = tmp_path / "images", tmp_path / "labels"
    source.mkdir()
    for path in sorted((folder / "images").iterdir())[::every_nth]:
        shutil.copy(path, source)
    words = ["batch", str(source), str(target), "-q"]
    assert main([*words, "--n-labels", str(n_labels)]) == 0
    names = sorted(path.stem for path in source.iterdir())
    assert sorted(path.stem for path in target.glob("*.tif")) == names
    found = [tifffile.imread(target / f"{name}.tif") for name in names]
    truth = [iio.imread(folder / "labels" / f"{name}.png") for name in names]
    # Labels are matched with classes once, for all images together.
    every = np.concatenate([labels.ravel() for labels in found])
    assert pixel_accuracy(every, np.concatenate([t.ravel() for t in truth])) > floor
    with (target / "mmtseg-summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["done"] * len(names)
    (target / f"{names[0]}.tif").unlink()
    assert main([*words, "--resume"]) == 0
    assert f"1 image labelled, {len(names) - 1} done before" in capsys.readouterr().out
    np.testing.assert_array_equal(tifffile.imread(target / f"{names[0]}.tif"), found[0])

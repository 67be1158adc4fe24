"""Commands on label files, and objects as the output of others."""

import json

import numpy as np
import pandas
import pytest
import tifffile

from napari_mmtseg import find_objects
from tests.cli.running import refused, run
from tests.objects.discs import crowd

CLASSES = crowd(2, 3).astype(np.uint8) + 1
IMAGE = (40 * CLASSES).astype(np.uint8)


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("classes.tif", CLASSES)
    details = {"resolution": (2.0, 2.0), "metadata": {"unit": "um"}}
    tifffile.imwrite("image.tif", IMAGE, imagej=True, **details)


def test_objects_are_those_of_the_function():
    result = run("objects", "classes.tif", "-o", "objects.tif")
    assert result.exit_code == 0, result.output
    assert "6 objects" in result.output
    expected = find_objects(CLASSES)
    np.testing.assert_array_equal(tifffile.imread("objects.tif"), expected.labels)


def test_micrometres_of_the_image():
    words = ("--object-unit=micrometres", "--smallest-object=20")
    both = ("objects", "classes.tif", "--image", "image.tif")
    assert "0 objects" in run(*both, "-o", "a.tif", *words).output
    refused("objects", "classes.tif", "-o", "b.tif", *words, match="pixel size")


def test_measure_then_export():
    run("objects", "classes.tif", "-o", "objects.tif")
    more = ("--classes", "classes.tif", "--image", "image.tif")
    result = run("measure", "objects.tif", "-o", "a.csv", *more)
    assert result.exit_code == 0, result.output
    table = pandas.read_csv("a.csv")
    assert table["class"].tolist() == [2] * 6
    assert table["mean_intensity"].tolist() == [80.0] * 6
    n_pixels = np.bincount(tifffile.imread("objects.tif").ravel())[1:]
    np.testing.assert_allclose(table["area (µm²)"], n_pixels / 4)
    result = run("export", "objects.tif", "-o", "a.geojson", *more)
    assert result.exit_code == 0, result.output
    with open("a.geojson", encoding="utf-8") as file:
        features = json.load(file)["features"]
    assert len(features) == 6
    assert features[0]["properties"]["measurements"]["mean_intensity"] == 80.0
    roifile = pytest.importorskip("roifile")
    run("export", "objects.tif", "-o", "a.zip", "--classes", "classes.tif")
    assert roifile.roiread("a.zip")[0].name == "0001 class 2"


def test_segment_measures_objects():
    words = ("segment", "image.tif", "-o", "a.tif", "--output=objects", "--n-labels=2")
    result = run(*words, "--measure", "a.csv")
    assert result.exit_code == 0, result.output
    labels = tifffile.imread("a.tif")
    table = pandas.read_csv("a.csv")
    assert table["label"].tolist() == np.unique(labels)[1:].tolist()
    assert set(table["class"]) <= {1, 2}
    assert f"{len(table)} objects" in result.output


def test_bad_input():
    tifffile.imwrite("rgb.tif", np.zeros((16, 16, 3), np.uint8))
    tifffile.imwrite("small.tif", IMAGE[:9, :9])
    refused("objects", "rgb.tif", "-o", "a.tif", match="has channels")
    words = ("measure", "classes.tif", "-o", "a.csv", "--image", "small.tif")
    refused(*words, match="does not lie on labels")
    words = ("measure", "classes.tif", "-o", "a.csv", "--classes", "small.tif")
    refused(*words, match="do not lie on objects")
    refused("measure", "classes.tif", "-o", "a.txt", match="has to end in .csv")
    refused("export", "classes.tif", "-o", "a.png", match="has to end in .zip")
    words = ("objects", "classes.tif", "-o", "a.tif", "--separation=intensity")
    refused(*words, match="needs the image")
    words = ("objects", "classes.tif", "-o", "a.tif", "--class", 9)
    refused(*words, match="no pixel is of the classes 9")

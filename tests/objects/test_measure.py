"""Measurements by hand-computed values, units and frames."""

import warnings

import numpy as np
import pandas
import pytest

from napari_mmtseg import InputError, measure
from napari_mmtseg.files.read import ImageFile, PixelSize
from napari_mmtseg.objects.of_file import measure_file, write_measurements
from tests.objects.discs import balls

LABELS = np.zeros((8, 10), int)
LABELS[0:2, 1:5] = 1
LABELS[4:7, 4:7] = 2
IMAGE = np.arange(80.0).reshape(8, 10)


class TestValues:
    def test_by_hand(self):
        table = measure(
            LABELS, {"dna": IMAGE}, spacing=(0.5, 2), origin=(10, 0), unit="µm"
        ).columns
        assert table["label"].tolist() == [1, 2]
        assert table["area"].tolist() == [8.0, 9.0]
        assert table["centroid_y"].tolist() == [10.25, 12.5]
        assert table["centroid_x"].tolist() == [5.0, 10.0]
        assert table["touches_border"].tolist() == [True, False]
        assert table["solidity"].tolist() == [1.0, 1.0]
        assert table["mean_dna"].tolist() == [7.5, 55.0]
        assert table["min_dna"].tolist() == [1.0, 44.0]
        assert table["max_dna"].tolist() == [14.0, 66.0]
        assert table["integrated_dna"].tolist() == [60.0, 495.0]
        np.testing.assert_allclose(
            table["equivalent_diameter"], 2 * np.sqrt(np.array([8, 9]) / np.pi)
        )

    def test_axes_of_a_disc_and_a_ball(self):
        disc = measure(balls((60, 60), [(30, 30)], 20).astype(int)).columns
        for name in ("axis_major_length", "axis_minor_length", "equivalent_diameter"):
            assert disc[name][0] == pytest.approx(40, abs=0.5)
        ball = balls((40, 40, 40), [(20, 20, 20)], 15).astype(int)[::3]
        table = measure(ball, volumes=True, spacing=(3, 1, 1))
        assert table.units["volume"] == "pixels³"
        for name in ("axis_major_length", "axis_minor_length", "equivalent_diameter"):
            assert table.columns[name][0] == pytest.approx(30, abs=2)

    def test_one_voxel(self):
        labels = np.zeros((3, 4, 5), int)
        labels[1, 2, 3] = 7
        row = measure(labels, volumes=True).columns
        assert row["label"].tolist() == [7]
        assert row["volume"].tolist() == [1.0]

    def test_confidence_and_class(self):
        table = measure(LABELS, confidence=IMAGE / 80, classes=[0, 3, 2])
        assert list(table.columns)[:2] == ["label", "class"]
        assert table.columns["class"].tolist() == [3, 2]
        assert table.columns["confidence"].tolist() == [7.5 / 80, 55 / 80]

    def test_high_labels(self):
        high = np.where(LABELS > 0, LABELS + 2**33, 0)
        table = measure(high, IMAGE).columns
        assert table["label"].tolist() == [2**33 + 1, 2**33 + 2]
        assert table["mean_intensity"].tolist() == [7.5, 55.0]

    def test_frames(self):
        table = measure(np.stack([LABELS, LABELS * 0, LABELS]), axes="TYX").columns
        assert table["frame_t"].tolist() == [0, 0, 2, 2]
        assert table["label"].tolist() == [1, 2, 1, 2]


class TestFile:
    def test_pandas_reads_units(self, tmp_path):
        micrometres = PixelSize(0.5, "µm")
        image = ImageFile(
            np.stack([IMAGE, -IMAGE]), "CYX", 0, (None, micrometres, micrometres), "a"
        )
        table = measure_file(LABELS, "YX", image)
        write_measurements(tmp_path / "a.csv", table)
        read = pandas.read_csv(tmp_path / "a.csv")
        assert read["area (µm²)"].tolist() == [2.0, 2.25]
        assert read["max_channel_2"].tolist() == [-1, -44]
        assert read["touches_border"].tolist() == [1, 0]

    def test_colours(self):
        image = ImageFile(np.zeros((8, 10, 4)), "YXS", None, (None,) * 3, "a")
        names = list(measure_file(LABELS, "YX", image).columns)
        assert [n for n in names if n.startswith("mean_")] == [
            "mean_red",
            "mean_green",
            "mean_blue",
        ]

    def test_nanometres_become_micrometres(self):
        nm = PixelSize(250.0, "nm")
        image = ImageFile(IMAGE, "YX", None, (nm, nm), "a")
        table = measure_file(LABELS, "YX", image)
        assert table.units["area"] == "µm²"
        assert table.columns["area"].tolist() == [0.5, 0.5625]


def test_pixels_without_a_value_warn_of_nothing():
    image = np.where(LABELS == 1, np.inf, 1.0)
    image[0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = measure(LABELS, image)
    mean = table.columns["mean_intensity"]
    assert np.isnan(mean[0])
    assert mean[1] == 1


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"images": np.zeros((3, 3))}, r"\(3, 3\) does not lie on labels"),
            ({"images": {"dna": np.zeros(4)}}, "The image 'dna'"),
            ({"confidence": np.zeros((3, 3))}, "A confidence map"),
            ({"spacing": (1,)}, "spacing"),
            ({"spacing": (0, 1)}, "positive"),
            ({"spacing": "12"}, "2 positive numbers"),
            ({"origin": (0, "x")}, "2 numbers"),
            ({"axes": "ZYX"}, "one letter"),
            ({"axes": 3}, "one letter"),
            ({"classes": "x"}, "give whole numbers"),
            ({"classes": [[1]]}, "give whole numbers"),
            ({"classes": [0, 1]}, "one class for every label"),
        ],
    )
    def test_sentences(self, options, words):
        with pytest.raises(InputError, match=words):
            measure(LABELS, **options)

    def test_negative_labels(self):
        with pytest.raises(InputError, match="as low as -1"):
            measure(LABELS - 1)

    def test_no_objects(self):
        with pytest.raises(InputError, match="no objects to measure"):
            measure(LABELS * 0)

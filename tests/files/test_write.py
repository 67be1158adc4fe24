from __future__ import annotations

import os
import tempfile
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_mmtseg.errors import InputError
from napari_mmtseg.files import write as label_files
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read import ImageFile, read_image
from napari_mmtseg.files.write import check_labels_fit, write_labels, write_picture
from tests.files.images import GREY, PLANES, RGB


def source(y: PixelSize | None, x: PixelSize | None) -> ImageFile:
    return ImageFile(GREY, "YX", None, (y, x), "cells")


class TestWriteLabels:
    @settings(max_examples=60)
    @given(
        largest=st.one_of(
            st.integers(0, 2**32 - 1),
            st.sampled_from([0, 255, 256, 65535, 65536, 2**31, 2**32 - 1]),
        ),
        suffix=st.sampled_from([".tif", ".tiff", ".ome.tif", ".OME.TIFF", ".png"]),
        dtype=st.sampled_from([np.int64, np.uint32, np.int32, np.uint16]),
    )
    def test_round_trip(self, largest: int, suffix: str, dtype: type) -> None:
        largest = min(largest, np.iinfo(dtype).max)
        labels = np.zeros((9, 11), dtype)
        labels[2:4, 3:7] = largest
        labels[5, 5] = largest // 2
        expected = next(
            d for d in (np.uint8, np.uint16, np.uint32) if largest <= np.iinfo(d).max
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"labels{suffix}"
            if suffix == ".png" and largest > 65535:
                with pytest.raises(InputError, match="PNG holds at most 65535"):
                    write_labels(path, labels)
                assert not os.listdir(folder)
                return
            write_labels(path, labels)
            assert os.listdir(folder) == [path.name]
            image = read_image(path)
        assert image.array.dtype == expected
        np.testing.assert_array_equal(image.array, labels)

    @pytest.mark.parametrize("largest", [3, 300, 70000])
    def test_ome_tiff(self, tmp_path: Path, largest: int) -> None:
        path = tmp_path / "labels.ome.tif"
        sizes = PixelSize(650, "nm"), PixelSize(0.325, "µm")
        write_labels(path, np.full((9, 11), largest), source=source(*sizes))
        assert read_image(path).pixel_sizes == sizes
        with tifffile.TiffFile(path) as file:
            assert file.is_ome
            assert file.series[0].axes == "YX"
            assert file.pages.first.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
            assert 'Name="cells"' in (file.ome_metadata or "")

    def test_ome_tiff_leaves_out_units_that_are_no_length(self, tmp_path: Path) -> None:
        path = tmp_path / "labels.ome.tif"
        sizes = PixelSize(2, "furlong"), PixelSize(3, "nm")
        write_labels(path, np.ones((9, 11), int), source=source(*sizes))
        assert read_image(path).pixel_sizes == (None, sizes[1])

    @pytest.mark.parametrize("unit", ["µm", "nm", "furlong", "Å"])
    def test_tiff_for_imagej(self, tmp_path: Path, unit: str) -> None:
        path = tmp_path / "labels.tif"
        sizes = PixelSize(0.65, unit), PixelSize(0.325, unit)
        write_labels(path, np.ones((9, 11), int), source=source(*sizes))
        read = read_image(path).pixel_sizes
        assert [p and p.size for p in read] == pytest.approx([0.65, 0.325])
        assert [p and p.unit for p in read] == [unit, unit]
        with tifffile.TiffFile(path) as file:
            assert file.is_imagej
            assert file.series[0].axes == "YX"
            assert file.pages.first.compression == tifffile.COMPRESSION.ADOBE_DEFLATE

    def test_tiff_has_one_unit(self, tmp_path: Path) -> None:
        path = tmp_path / "labels.tif"
        sizes = PixelSize(650, "nm"), PixelSize(0.325, "µm")
        write_labels(path, np.ones((9, 11), int), source=source(*sizes))
        y, x = read_image(path).pixel_sizes
        assert (y.size, x.size) == pytest.approx((0.65, 0.325), rel=1e-5)
        assert y.unit == x.unit == "µm"

    def test_tiff_of_32_bits(self, tmp_path: Path) -> None:
        path = tmp_path / "labels.tif"
        sizes = PixelSize(650, "nm"), PixelSize(0.325, "µm")
        write_labels(path, np.full((9, 11), 70000), source=source(*sizes))
        y, x = read_image(path).pixel_sizes
        assert (y.size, x.size) == pytest.approx((0.65, 0.325), rel=1e-5)
        assert y.unit == x.unit == "µm"

    @pytest.mark.parametrize("largest", [1, 70000])
    @pytest.mark.parametrize(
        "sizes",
        [
            (None, None),
            (PixelSize(1, "µm"), None),
            (PixelSize(1, "furlong"), PixelSize(1, "µm")),
            (PixelSize(1e20, "m"), PixelSize(1e20, "m")),
        ],
    )
    def test_tiff_without_usable_pixel_size(
        self, tmp_path: Path, largest: int, sizes: tuple[PixelSize, PixelSize]
    ) -> None:
        path = tmp_path / "labels.tif"
        write_labels(path, np.full((9, 11), largest), source=source(*sizes))
        assert read_image(path).pixel_sizes == (None, None)

    def test_pixel_size_of_the_spatial_axes(self, tmp_path: Path) -> None:
        path = tmp_path / "labels.ome.tif"
        sizes = (None, PixelSize(2, "µm"), PixelSize(3, "µm"))
        image = ImageFile(PLANES, "CYX", 0, sizes, "cells")
        write_labels(path, np.ones((24, 32), int), source=image)
        assert read_image(path).pixel_sizes == sizes[1:]

    @pytest.mark.parametrize("largest", [5, 70000])
    @pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
    @pytest.mark.parametrize("axes", ["ZYX", "TYX", "TZYX", "TCZYX"])
    def test_stacks_keep_axes_and_pixel_size(
        self, tmp_path: Path, axes: str, name: str, largest: int
    ) -> None:
        labels = np.zeros((2, 3, 4, 9, 11)[5 - len(axes) :], int)
        labels[..., 3:, 2:5] = largest
        labels[0, ..., 0, 0] = 1
        sizes = {"Z": PixelSize(2.0, "µm"), "T": None, "C": None}
        of_axes = [sizes.get(a, PixelSize(0.5, "µm")) for a in axes]
        path = tmp_path / name
        write_labels(path, labels, axes=axes, pixel_sizes=of_axes)
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            array, found = series.asarray(), series.axes
            if file.is_imagej:
                expected = 2.0 if "Z" in axes else None
                assert file.imagej_metadata.get("spacing") == expected
            if file.is_ome:
                assert ("PhysicalSizeZ=" in file.ome_metadata) == ("Z" in axes)
        if set(found) == set(axes):
            array = array.transpose([found.index(a) for a in axes])
        np.testing.assert_array_equal(array, labels)

    @pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
    def test_axes_in_another_order(self, tmp_path: Path, name: str) -> None:
        labels = np.arange(2 * 3 * 9 * 11).reshape(2, 3, 9, 11)
        sizes = [PixelSize(s, "µm") if s else None for s in (2.0, None, 0.5, 0.5)]
        write_labels(tmp_path / name, labels, axes="ZTYX", pixel_sizes=sizes)
        found = read_image(tmp_path / name)
        assert found.axes == "TZYX"
        np.testing.assert_array_equal(found.array, labels.swapaxes(0, 1))
        assert found.pixel_size("Z") == PixelSize(2.0, "µm")

    def test_axes_that_label_files_do_not_have(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"axes PZYX .* axes=TZYX"):
            check_labels_fit(tmp_path / "a.tif", "PZYX")
        with pytest.raises(InputError, match="PNG has two axes"):
            check_labels_fit(tmp_path / "a.png", "ZYX")

    @pytest.mark.parametrize(
        "labels",
        [np.ones((2, 3, 4), int), np.full((3, 4), -1), np.full((3, 4), 2**32)],
        ids=["3D", "negative", "too large"],
    )
    def test_labels_that_do_not_fit(self, tmp_path: Path, labels: np.ndarray) -> None:
        with pytest.raises(InputError, match=r"Accepted: (Y and X|values from 0)"):
            write_labels(tmp_path / "a.tif", labels)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("axes", ["YX", "TZYX"])
    def test_large_ones_are_written_in_tiles(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, axes: str
    ) -> None:
        monkeypatch.setattr(label_files, "_LARGE", 1)
        shape = (2, 3, 600, 1100)[-len(axes) :]
        labels = np.arange(np.prod(shape)).reshape(shape) // 1100 % 700
        sizes = [PixelSize(0.5, "µm") if a in "YX" else None for a in axes]
        path = tmp_path / "a.tif"
        write_labels(path, labels, axes=axes, pixel_sizes=sizes)
        with tifffile.TiffFile(path) as file:
            assert file.is_ome
            assert file.pages.first.is_tiled
            assert file.series[0].axes == axes
            assert file.series[0].dtype == np.uint16
            np.testing.assert_array_equal(file.asarray(), labels)
        found = read_image(path)
        assert found.pixel_sizes[-1] == PixelSize(0.5, "µm")
        assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_picture(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", RGB)
    np.testing.assert_array_equal(iio.imread(tmp_path / "a.png"), RGB)
    with pytest.raises(InputError, match=r"\.png"):
        write_picture(tmp_path / "a.jpg", RGB)

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read import read_image
from tests.files.images import GREY, MICROMETRE, PLANES, RGB


class TestReadTiff:
    def test_plain(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", GREY)
        image = read_image(tmp_path / "a.tif")
        np.testing.assert_array_equal(image.array, GREY)
        assert (image.axes, image.channel_axis, image.name) == ("YX", None, "a")
        assert image.pixel_sizes == (None, None)
        assert image.shape == (24, 32)

    def test_ome_channels_and_pixel_size(self, tmp_path: Path) -> None:
        path = tmp_path / "Cells.OME.TIF"
        metadata = {"axes": "CYX", **MICROMETRE}
        tifffile.imwrite(path, PLANES, ome=True, metadata=metadata)
        image = read_image(path)
        np.testing.assert_array_equal(image.array, PLANES)
        assert (image.axes, image.channel_axis, image.name) == ("CYX", 0, "Cells")
        assert image.pixel_sizes == (None, PixelSize(650, "nm"), PixelSize(0.325, "µm"))
        assert image.shape == (24, 32)

    def test_ome_unit_is_micrometre_by_default(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ome.tif"
        tifffile.imwrite(path, GREY, metadata={"axes": "YX", "PhysicalSizeX": 2})
        assert read_image(path).pixel_sizes == (None, PixelSize(2, "µm"))

    def test_second_image_is_said_to_be_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ome.tif"
        with tifffile.TiffWriter(path, ome=True) as file:
            file.write(GREY, metadata={"axes": "YX", "PhysicalSizeY": 3})
            file.write(RGB[:8], metadata={"axes": "YXS"})
        with pytest.warns(UserWarning, match="holds 2 images"):
            image = read_image(path)
        assert image.shape == (24, 32)
        assert image.pixel_size("Y") == PixelSize(3, "µm")

    @pytest.mark.parametrize(
        ("unit", "read"),
        [("micron", "µm"), (r"\u00B5m", "µm"), ("um", "µm"), ("nm", "nm")],
    )
    def test_imagej(self, tmp_path: Path, unit: str, read: str) -> None:
        tifffile.imwrite(
            tmp_path / "a.tif",
            PLANES.astype(np.uint16),
            imagej=True,
            resolution=(2, 4),
            metadata={"axes": "CYX", "unit": unit},
        )
        image = read_image(tmp_path / "a.tif")
        np.testing.assert_array_equal(image.array, PLANES)
        assert (image.axes, image.channel_axis) == ("CYX", 0)
        assert image.pixel_sizes == (None, PixelSize(0.25, read), PixelSize(0.5, read))

    def test_imagej_pixels_are_no_unit(self, tmp_path: Path) -> None:
        metadata = {"axes": "YX", "unit": "pixel"}
        tifffile.imwrite(tmp_path / "a.tif", GREY, imagej=True, metadata=metadata)
        assert read_image(tmp_path / "a.tif").pixel_sizes == (None, None)

    @pytest.mark.parametrize(
        ("unit", "size"), [("CENTIMETER", PixelSize(5, "µm")), ("INCH", None)]
    )
    def test_resolution_tag(
        self, tmp_path: Path, unit: str, size: PixelSize | None
    ) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, GREY, resolution=(2000, 2000), resolutionunit=unit)
        assert read_image(path).pixel_sizes == (size, size)

    @pytest.mark.parametrize("order", ["contig", "separate"])
    def test_rgb_pixels_or_planes(self, tmp_path: Path, order: str) -> None:
        stored = RGB if order == "contig" else np.moveaxis(RGB, 2, 0)
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, stored, photometric="rgb", planarconfig=order)
        image = read_image(path)
        np.testing.assert_array_equal(image.array, RGB)
        assert (image.axes, image.channel_axis) == ("YXS", None)

    def test_rgb_that_nobody_named(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, RGB.astype(float), photometric="minisblack")
        assert (read_image(path).axes, read_image(path).channel_axis) == ("YXS", None)

    def test_more_samples_than_colours_are_channels(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        five = np.moveaxis(PLANES, 0, 2)
        tifffile.imwrite(path, five, photometric="rgb", planarconfig="contig")
        image = read_image(path)
        assert (image.axes, image.channel_axis) == ("YXC", 2)
        np.testing.assert_array_equal(image.array, five)

    def test_axes_of_length_one_go(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        metadata = {"axes": "TZCYX"}
        tifffile.imwrite(path, PLANES[None, None], imagej=True, metadata=metadata)
        image = read_image(path)
        assert (image.axes, image.channel_axis) == ("CYX", 0)

    @pytest.mark.parametrize("axes", ["ZYX", "TYX"])
    def test_stack(self, tmp_path: Path, axes: str) -> None:
        path = tmp_path / "a.ome.tif"
        depth = {"PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm"}
        tifffile.imwrite(path, PLANES, metadata={"axes": axes, **MICROMETRE, **depth})
        image = read_image(path)
        assert (image.axes, image.channel_axis) == (axes, None)
        assert image.label_axes == axes
        first = PixelSize(2.0, "µm") if axes == "ZYX" else None
        assert image.pixel_sizes == (
            first,
            PixelSize(650, "nm"),
            PixelSize(0.325, "µm"),
        )
        np.testing.assert_array_equal(image.array, PLANES)

    def test_stack_of_colours(self, tmp_path: Path) -> None:
        stack = np.stack([RGB, RGB, RGB, RGB, RGB])
        tifffile.imwrite(tmp_path / "a.tif", stack, photometric="rgb")
        image = read_image(tmp_path / "a.tif")
        assert (image.axes, image.channel_axis) == ("ZYXS", None)
        np.testing.assert_array_equal(image.array, stack)

    def test_axes_go_over_what_the_file_tells(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", PLANES)
        assert read_image(tmp_path / "a.tif").axes == "ZYX"
        assert read_image(tmp_path / "a.tif", axes="tyx").axes == "TYX"
        channels = read_image(tmp_path / "a.tif", axes="CYX")
        assert (channels.axes, channels.channel_axis) == ("CYX", 0)
        with pytest.raises(InputError, match="does not name the 3 axes"):
            read_image(tmp_path / "a.tif", axes="YX")

    def test_imagej_hyperstack(self, tmp_path: Path) -> None:
        stack = np.arange(2 * 3 * 4 * 24 * 32, dtype=np.uint16)
        stack = stack.reshape(2, 3, 4, 24, 32)
        metadata = {"axes": "TZCYX", "unit": "um", "spacing": 1.5}
        path = tmp_path / "a.tif"
        tifffile.imwrite(
            path, stack, imagej=True, metadata=metadata, resolution=(2.0, 2.0)
        )
        image = read_image(path)
        assert (image.axes, image.channel_axis) == ("TZCYX", 2)
        assert image.pixel_size("Z") == PixelSize(1.5, "µm")
        assert image.pixel_size("Y") == PixelSize(0.5, "µm")
        np.testing.assert_array_equal(image.array, stack)

    @pytest.mark.parametrize("compression", [None, "zlib"])
    def test_large_files_are_only_opened(self, tmp_path, monkeypatch, compression):
        pytest.importorskip("zarr")
        monkeypatch.setattr("napari_mmtseg.files.read_tiff._LARGE", 1)
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, PLANES, compression=compression, byteorder=">")
        image = read_image(path)
        assert image.axes == "ZYX"
        assert isinstance(image.array, np.memmap) or hasattr(image.array, "chunks")
        np.testing.assert_array_equal(np.asarray(image.array), PLANES)

    @pytest.mark.parametrize("axis", [0, -3])
    def test_stack_declared_to_be_channels(self, tmp_path: Path, axis: int) -> None:
        path = tmp_path / "a.ome.tif"
        tifffile.imwrite(path, PLANES, metadata={"axes": "ZYX", **MICROMETRE})
        image = read_image(path, channel_axis=axis)
        assert (image.axes, image.channel_axis) == ("CYX", 0)
        assert image.pixel_sizes == (None, PixelSize(650, "nm"), PixelSize(0.325, "µm"))

    def test_channel_axis_counts_the_axes_of_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, GREY[None, :, :, None], photometric="minisblack")
        for axis, axes in ((0, "CYX"), (3, "YXC")):
            image = read_image(path, channel_axis=axis)
            assert (image.axes, image.channel_axis) == (axes, axes.index("C"))
            assert image.shape == (24, 32)

    @pytest.mark.parametrize("axis", [3, -4])
    def test_no_such_channel_axis(self, tmp_path: Path, axis: int) -> None:
        tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb")
        with pytest.raises(InputError, match=f"no axis {axis}.*0 to 2"):
            read_image(tmp_path / "a.tif", channel_axis=axis)

    def test_channel_axis_that_leaves_a_line(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", GREY)
        with pytest.raises(InputError, match="at least two axes"):
            read_image(tmp_path / "a.tif", channel_axis=0)

    def test_byte_order_of_the_machine(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", GREY.astype(">u2"), byteorder=">")
        image = read_image(tmp_path / "a.tif")
        assert image.array.dtype.isnative
        np.testing.assert_array_equal(image.array, GREY)

    def test_content_decides_not_the_suffix(self, tmp_path: Path) -> None:
        iio.imwrite(tmp_path / "a.png", RGB)
        (tmp_path / "a.png").rename(tmp_path / "a.tif")
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif").array, RGB)

    @pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_deflate"])
    def test_compressed_files(self, tmp_path: Path, compression: str) -> None:
        path = tmp_path / "a.tif"
        Image.fromarray(GREY).save(path, compression=compression)
        np.testing.assert_array_equal(read_image(path).array, GREY)


class TestAbsurdSizes:
    """Headers that promise more pixels than the file can have."""

    @pytest.mark.parametrize("compression", [None, "zlib", "packbits", "lzw"])
    @pytest.mark.parametrize("tag", ["ImageLength", "ImageWidth"])
    def test_refused_before_memory_is_taken(
        self, tmp_path: Path, compression: str | None, tag: str
    ) -> None:
        if compression in ("packbits", "lzw"):
            pytest.importorskip("imagecodecs")
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, GREY, compression=compression, rowsperstrip=24)
        with tifffile.TiffFile(path, mode="r+") as file:
            tags = file.pages.first.tags
            tags[tag].overwrite(2**30, dtype=4)
            tags["RowsPerStrip"].overwrite(2**30, dtype=4)
        with pytest.raises(InputError, match="damaged or cut off"):
            read_image(path)

    def test_strips_that_are_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, GREY, compression="zlib", rowsperstrip=8)
        with tifffile.TiffFile(path, mode="r+") as file:
            file.pages.first.tags["ImageLength"].overwrite(2**27, dtype=4)
        with pytest.raises(InputError, match="damaged or cut off"):
            read_image(path)

    def test_constant_image_that_is_stored_in_few_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, np.zeros((4000, 4000), np.uint8), compression="zlib")
        assert read_image(path).shape == (4000, 4000)

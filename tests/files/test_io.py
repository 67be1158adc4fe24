from __future__ import annotations

import os
import struct
import sys
import tempfile
import types
import zlib
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_mmtseg.errors import InputError
from napari_mmtseg.files import write as label_files
from napari_mmtseg.files.atomic import check_output
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read import ImageFile, read_image
from napari_mmtseg.files.write import (
    check_labels_fit,
    check_labels_path,
    write_labels,
    write_picture,
)

GREY = np.random.default_rng(0).integers(0, 256, (24, 32), np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)
PLANES = np.stack([GREY, GREY // 2, GREY // 3, GREY // 4, GREY // 5])
MICROMETRE = {
    "PhysicalSizeX": 0.325,
    "PhysicalSizeXUnit": "µm",
    "PhysicalSizeY": 650.0,
    "PhysicalSizeYUnit": "nm",
}


def source(y: PixelSize | None, x: PixelSize | None) -> ImageFile:
    return ImageFile(GREY, "YX", None, (y, x), "cells")


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


class TestReadOthers:
    @pytest.mark.parametrize(
        ("name", "mode", "dtype", "axes"),
        [
            ("a.png", "L", np.uint8, "YX"),
            ("a.png", "1", np.bool_, "YX"),
            ("a.png", "P", np.uint8, "YXS"),
            ("a.png", "RGB", np.uint8, "YXS"),
            ("a.png", "RGBA", np.uint8, "YXS"),
            ("a.bmp", "L", np.uint8, "YX"),
            ("a.bmp", "1", np.bool_, "YX"),
            ("a.gif", "P", np.uint8, "YXS"),
            ("a.jpg", "L", np.uint8, "YX"),
            ("a.jpg", "RGB", np.uint8, "YXS"),
        ],
    )
    def test_modes(
        self, tmp_path: Path, name: str, mode: str, dtype: type, axes: str
    ) -> None:
        Image.fromarray(RGB).convert(mode).save(tmp_path / name)
        image = read_image(tmp_path / name)
        assert (image.axes, image.channel_axis) == (axes, None)
        assert image.array.dtype == dtype
        assert image.shape == (24, 32)
        assert image.pixel_sizes == (None,) * len(axes)

    def test_palette_is_looked_up(self, tmp_path: Path) -> None:
        palette = Image.fromarray(RGB).quantize(8)
        palette.save(tmp_path / "a.png")
        expected = np.asarray(palette.convert("RGB"))
        np.testing.assert_array_equal(read_image(tmp_path / "a.png").array, expected)

    def test_16_bit_grey(self, tmp_path: Path) -> None:
        deep = GREY.astype(np.uint16) * 257
        iio.imwrite(tmp_path / "a.png", deep)
        image = read_image(tmp_path / "a.png")
        assert image.array.dtype == np.uint16
        np.testing.assert_array_equal(image.array, deep)

    def test_16_bit_colour_says_what_is_lost(self, tmp_path: Path) -> None:
        rows = (RGB.astype(np.uint16) * 256 + 1).astype(">u2").reshape(24, -1)
        filtered = np.pad(rows.view(np.uint8), ((0, 0), (1, 0))).tobytes()
        (tmp_path / "a.png").write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 24, 16, 2, 0, 0, 0))
            + _png_chunk(b"IDAT", zlib.compress(filtered))
            + _png_chunk(b"IEND", b"")
        )
        with pytest.warns(UserWarning, match="upper 8 are used"):
            image = read_image(tmp_path / "a.png")
        np.testing.assert_array_equal(image.array, RGB)

    def test_grey_with_alpha(self, tmp_path: Path) -> None:
        Image.fromarray(GREY).convert("LA").save(tmp_path / "a.png")
        with pytest.warns(UserWarning, match="alpha"):
            image = read_image(tmp_path / "a.png")
        np.testing.assert_array_equal(image.array, GREY)

    def test_cmyk_becomes_rgb(self, tmp_path: Path) -> None:
        Image.fromarray(RGB).convert("CMYK").save(tmp_path / "a.jpg")
        assert read_image(tmp_path / "a.jpg").array.shape == (24, 32, 3)

    def test_first_frame_of_a_gif(self, tmp_path: Path) -> None:
        frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
        frames[0].save(tmp_path / "b.gif")
        first, single = (read_image(tmp_path / f"{n}.gif").array for n in "ab")
        np.testing.assert_array_equal(first, single)

    def test_as_stored_whatever_the_exif_tag_says(self, tmp_path: Path) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=exif)
        assert read_image(tmp_path / "a.jpg").shape == (24, 32)

    def test_rgb_as_channels(self, tmp_path: Path) -> None:
        iio.imwrite(tmp_path / "a.png", RGB)
        image = read_image(tmp_path / "a.png", channel_axis=2)
        assert (image.axes, image.channel_axis) == ("YXC", 2)

    def test_more_pixels_than_pillow_accepts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        iio.imwrite(tmp_path / "a.png", RGB)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        with pytest.raises(InputError, match=r"more pixels.*TIFF"):
            read_image(tmp_path / "a.png")


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


class TestUnreadable:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="There is no file"):
            read_image(tmp_path / "a.png")

    def test_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="is a folder"):
            read_image(tmp_path)

    def test_file_taken_for_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("")
        with pytest.raises(InputError, match="cannot be read: Not a directory"):
            read_image(tmp_path / "a" / "b.png")

    def test_empty(self, tmp_path: Path) -> None:
        (tmp_path / "a.tif").touch()
        with pytest.raises(InputError, match="is empty"):
            read_image(tmp_path / "a.tif")

    @pytest.mark.parametrize("name", ["a.png", "a.tif", "a.txt"])
    def test_no_image(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("Not an image, but a text of some length.")
        with pytest.raises(InputError, match=r"not an image.*Accepted: TIFF, PNG"):
            read_image(tmp_path / name)

    def test_no_permission(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        iio.imwrite(tmp_path / "a.png", RGB)

        def refuse(*args: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(InputError, match="no permission"):
            read_image(tmp_path / "a.png")

    @pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.gif", "a.webp"])
    @pytest.mark.parametrize("kept", [0.3, 0.5, 0.95])
    def test_cut_off(self, tmp_path: Path, name: str, kept: float) -> None:
        iio.imwrite(tmp_path / name, np.repeat(np.repeat(RGB, 3, 0), 3, 1))
        _cut(tmp_path / name, kept)
        with pytest.raises(InputError, match=r"cut off|damaged"):
            read_image(tmp_path / name)

    @pytest.mark.parametrize("kept", [0.1, 0.5, 0.7])
    @pytest.mark.parametrize(
        "details",
        [
            {"data": GREY},
            {"data": GREY, "compression": "zlib"},
            {"data": GREY, "tile": (16, 16)},
            {"data": GREY, "rowsperstrip": 4, "metadata": None},
            {"data": RGB, "photometric": "rgb", "planarconfig": "contig"},
            {"data": PLANES, "imagej": True, "metadata": {"axes": "CYX"}},
            {"data": PLANES, "ome": True, "metadata": {"axes": "CYX"}},
            {"data": PLANES, "photometric": "minisblack", "metadata": None},
        ],
        ids=["plain", "zlib", "tiles", "strips", "rgb", "imagej", "ome", "pages"],
    )
    def test_cut_off_tiff(
        self, tmp_path: Path, details: dict[str, object], kept: float
    ) -> None:
        tifffile.imwrite(tmp_path / "a.tif", **details)  # type: ignore[arg-type]
        _cut(tmp_path / "a.tif", kept)
        with pytest.raises(InputError, match="damaged or cut off"):
            read_image(tmp_path / "a.tif")

    def test_cut_off_anywhere_is_refused_or_harmless(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, GREY[:8, :8], compression="zlib")
        content = path.read_bytes()
        for length in range(1, len(content)):
            path.write_bytes(content[:length])
            with pytest.raises(InputError):
                read_image(path)

    @pytest.mark.parametrize("name", ["a.png", "a.tif"])
    def test_too_large(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        def fail(*args: object, **details: object) -> None:
            raise MemoryError("Unable to allocate 280. GiB")

        iio.imwrite(tmp_path / name, RGB)
        monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", fail)
        monkeypatch.setattr(iio, "imopen", fail)
        with pytest.raises(InputError, match="does not fit into memory"):
            read_image(tmp_path / name)

    def test_page_of_an_ome_stack_is_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ome.tif"
        tifffile.imwrite(path, PLANES, metadata={"axes": "CYX"})
        content = path.read_bytes()
        path.write_bytes(content.replace(b'SizeC="5"', b'SizeC="7"'))
        with pytest.raises(InputError, match="damaged or cut off"):
            read_image(path)

    def test_log_stays_silent(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        metadata = {"axes": "CYX"}
        tifffile.imwrite(tmp_path / "a.tif", PLANES, imagej=True, metadata=metadata)
        _cut(tmp_path / "a.tif", 0.5)
        with pytest.raises(InputError):
            read_image(tmp_path / "a.tif")
        assert not caplog.records


def _cut(path: Path, kept: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])


class TestWriteLabels:
    @settings(max_examples=60, deadline=None)
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
                with pytest.raises(InputError, match="PNG ends at 65535"):
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
        assert y == pytest.approx((0.65, "µm"))
        assert x == pytest.approx((0.325, "µm"))

    def test_tiff_of_32_bits(self, tmp_path: Path) -> None:
        path = tmp_path / "labels.tif"
        sizes = PixelSize(650, "nm"), PixelSize(0.325, "µm")
        write_labels(path, np.full((9, 11), 70000), source=source(*sizes))
        y, x = read_image(path).pixel_sizes
        assert y == pytest.approx((0.65, "µm"))
        assert x == pytest.approx((0.325, "µm"))

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
        with pytest.raises(InputError, match=r"axes PZYX .* --axes"):
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


class TestOutputPath:
    def test_a_zarr_may_be_replaced_and_no_other_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zarr"
        path.mkdir()
        with pytest.raises(InputError, match="no zarr"):
            check_labels_path(path, overwrite=True)
        (path / "zarr.json").touch()
        with pytest.raises(InputError, match="exists"):
            check_labels_path(path)
        assert check_labels_path(path, overwrite=True) == path

    def test_exists(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        path.write_text("mine")
        with pytest.raises(InputError, match="exists"):
            check_output(path)
        with pytest.raises(InputError, match="exists"):
            write_labels(path, GREY)
        assert path.read_text() == "mine"
        write_labels(path, GREY, overwrite=True)
        np.testing.assert_array_equal(read_image(path).array, GREY)

    @pytest.mark.parametrize("name", ["a.jpg", "a", "a.tif.gz", "tif"])
    def test_suffix(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InputError, match=r"\.tif, \.tiff, \.png"):
            write_labels(tmp_path / name, GREY)

    def test_folder(self, tmp_path: Path) -> None:
        (tmp_path / "a.tif").mkdir()
        with pytest.raises(InputError, match="is a folder"):
            write_labels(tmp_path / "a.tif", GREY, overwrite=True)

    def test_no_parent(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="does not exist"):
            write_labels(tmp_path / "no" / "a.tif", GREY)

    def test_file_that_appears_meanwhile_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.tif"
        fsync = os.fsync

        def meanwhile(descriptor: int) -> None:
            path.write_text("somebody else's")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", meanwhile)
        with pytest.raises(InputError, match="is left as it is"):
            write_labels(path, GREY)
        assert path.read_text() == "somebody else's"
        assert os.listdir(tmp_path) == ["a.tif"]

    @pytest.mark.parametrize("step", ["fsync", "link"])
    @pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
    def test_nothing_is_left_after_an_error(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        step: str,
        error: type[BaseException],
    ) -> None:
        def fail(*args: object) -> None:
            raise error

        monkeypatch.setattr(os, step, fail)
        with pytest.raises(error):
            write_labels(tmp_path / "a.tif", GREY)
        assert not list(tmp_path.iterdir())

    def test_disk_full(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(InputError, match="No space left"):
            write_labels(tmp_path / "a.png", GREY)
        assert not list(tmp_path.iterdir())

    @pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
    def test_permissions_are_those_of_any_new_file(self, tmp_path: Path) -> None:
        write_labels(tmp_path / "a.tif", GREY)
        (tmp_path / "b").touch()
        modes = [(tmp_path / n).stat().st_mode for n in ("a.tif", "b")]
        assert modes[0] == modes[1]


def test_picture(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", RGB)
    np.testing.assert_array_equal(iio.imread(tmp_path / "a.png"), RGB)
    with pytest.raises(InputError, match=r"\.png"):
        write_picture(tmp_path / "a.jpg", RGB)


def test_what_no_library_reads_is_left_to_bioio(tmp_path, monkeypatch):
    path = tmp_path / "stack.czi"
    path.write_bytes(b"ZISRAWFILE" * 20)
    monkeypatch.setitem(sys.modules, "bioio", None)
    with pytest.raises(InputError, match=r"napari-mmtseg\[bioio\]"):
        read_image(path)
    pixels = np.arange(2 * 5 * 6, dtype=np.uint16).reshape(1, 1, 2, 5, 6)
    monkeypatch.setitem(sys.modules, "bioio", fake_bioio(pixels))
    exceptions = types.ModuleType("bioio_base.exceptions")
    exceptions.UnsupportedFileFormatError = ZeroDivisionError
    monkeypatch.setitem(sys.modules, "bioio_base", types.ModuleType("bioio_base"))
    monkeypatch.setitem(sys.modules, "bioio_base.exceptions", exceptions)
    image = read_image(path)
    assert image.axes == "ZYX"
    assert image.spacing == (2.0, 0.5, 0.5)
    np.testing.assert_array_equal(np.asarray(image.array), pixels[0, 0])


def fake_bioio(pixels):
    """Return a module whose images are these, for want of a reader."""
    module = types.ModuleType("bioio")
    module.BioImage = lambda path: types.SimpleNamespace(
        dask_data=pixels,
        dims=types.SimpleNamespace(order="TCZYX"),
        physical_pixel_sizes=(2.0, 0.5, 0.5),
    )
    return module

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.read import read_image
from tests.files.images import GREY, RGB


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
        with pytest.warns(UserWarning, match="holds 2 images; the first is used"):
            first = read_image(tmp_path / "a.gif").array
        single = read_image(tmp_path / "b.gif").array
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

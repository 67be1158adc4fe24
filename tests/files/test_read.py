from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.read import read_image
from tests.files.images import GREY, PLANES, RGB, cut


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
        cut(tmp_path / name, kept)
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
        cut(tmp_path / "a.tif", kept)
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
        cut(tmp_path / "a.tif", 0.5)
        with pytest.raises(InputError):
            read_image(tmp_path / "a.tif")
        assert not caplog.records

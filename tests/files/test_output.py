from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import check_output
from napari_mmtseg.files.read import read_image
from napari_mmtseg.files.write import check_labels_path, write_labels
from tests.files.images import GREY


class TestOutputPath:
    def test_a_zarr_may_be_replaced_and_no_other_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zarr"
        path.mkdir()
        with pytest.raises(InputError, match="not a zarr"):
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

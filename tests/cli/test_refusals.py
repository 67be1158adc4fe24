from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from napari_mmtseg.cli.command import Command
from napari_mmtseg.cli.options import common_options, setting_options
from napari_mmtseg.errors import InputError
from tests.cli.running import refused


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Or replace it (overwrite=True).", "Or replace it (--overwrite)."),
        ("Give channel_axis=N, axes=CYX.", "Give --channel-axis=N, --axes=CYX."),
        ("momentum=0.5 is too much", "--momentum=0.5 is too much"),
        ("Lower min_labels.", "Lower --min-labels."),
        ("my_labels.tif, n_labels.tif exist", "my_labels.tif, n_labels.tif exist"),
        ("method='x' is not accepted", "--method='x' is not accepted"),
        ("ema_warmup=False, ema_warmup=True", "--no-ema-warmup, --ema-warmup"),
        ("There is no file seed=3.tif.", "There is no file seed=3.tif."),
        ("a/seed=3/b.tif exists, colour=3", "a/seed=3/b.tif exists, colour=3"),
    ],
)
def test_arguments_of_python_are_shown_as_options(message: str, shown: str) -> None:
    @click.command(cls=Command)
    @common_options
    @setting_options
    def command(**options: object) -> None:
        raise InputError(message)

    result = CliRunner().invoke(command)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {shown}\n"


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "content", "match"),
        [
            ("no.png", None, "There is no file no.png."),
            ("a.png", b"", "a.png is empty."),
            ("a.png", b"hello", "a.png is not an image"),
            ("a.tif", b"II*\0\x08\0\0\0", "a.tif is damaged or cut off"),
        ],
    )
    def test_image(self, name: str, content: bytes | None, match: str) -> None:
        if content is not None:
            Path(name).write_bytes(content)
        refused("segment", name, "-o", "labels.tif", match=match)
        refused("fit", name, "-o", "m.safetensors", match=match)
        refused("apply", "m.safetensors", name, "-o", "labels.tif", match=match)

    def test_folder_as_image(self) -> None:
        refused("segment", ".", "-o", "labels.tif", match=". is a folder")

    def test_small_image(self) -> None:
        iio.imwrite("a.png", np.zeros((5, 40), np.uint8))
        words = ("segment", "a.png", "-o", "labels.tif")
        refused(*words, match="a.png: An image of 5 x 40 pixels is too small")

    @pytest.mark.parametrize(
        ("path", "match"),
        [
            ("labels.jpg", "has to end in .tif, .tiff, .png"),
            ("no/labels.tif", "The folder no does not exist"),
            (".", ". is a folder"),
        ],
    )
    def test_labels(self, path: str, match: str) -> None:
        refused("segment", "image.ome.tif", "-o", path, match=match)
        refused("apply", "m.safetensors", "image.ome.tif", "-o", path, match=match)

    @pytest.mark.parametrize(
        ("path", "match"),
        [
            ("image.ome.tif", "exists"),
            ("c.png", "has to end in"),
            ("no/c.tif", "folder"),
            ("a.tif", "name of the image or of the labels"),
        ],
    )
    def test_confidence_file(self, path: str, match: str) -> None:
        words = ("image.ome.tif", "-o", "a.tif", "--confidence", path)
        refused("segment", *words, match=match)
        refused("apply", "m.safetensors", *words, match=match, quick=False)

    def test_confidence_of_a_method_without_teachers(self) -> None:
        words = ("image.ome.tif", "-o", "a.tif", "--confidence", "c.tif")
        refused("segment", *words, "--method", "kmeans", match="leaves no model")

    def test_folder_that_may_not_be_written_to(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
        words = ("segment", "image.ome.tif", "-o", "a.tif")
        refused(*words, match="a.tif cannot be written: no permission")

    def test_labels_over_the_image(self) -> None:
        words = ("segment", "image.ome.tif", "-o", "image.ome.tif", "--overwrite")
        refused(*words, match="is the image itself")

    @pytest.mark.parametrize("axes", ["PYX", "PTZYX"])
    def test_axes_that_labels_cannot_have(self, axes: str) -> None:
        shape = (2, 3, 4, 16, 16)[5 - len(axes) :]
        tifffile.imwrite("s.tif", np.zeros(shape, np.uint8), photometric="minisblack")
        words = ("s.tif", "-o", "a.tif", "--axes", axes)
        refused("segment", *words, match=f"the axes {axes} cannot be written")
        refused("apply", "m.safetensors", *words, match="Accepted: Y and X")

    def test_zarr_without_its_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("ome_zarr", "ome_zarr.writer"):
            monkeypatch.setitem(sys.modules, name, None)
        words = ("segment", "image.ome.tif", "-o", "a.zarr")
        refused(*words, match="OME-Zarr labels need the ome-zarr library")
        Path("a.zarr").mkdir()
        Path("a.zarr/zarr.json").touch()
        refused(*words, match="a.zarr exists")
        refused(*words, "--overwrite", match="OME-Zarr labels need")

    def test_model_file_name(self) -> None:
        words = ("segment", "image.ome.tif", "-o", "a.tif", "--save-model")
        refused(*words, "m.pt", match="has to end in .safetensors")
        refused("fit", "image.ome.tif", "-o", "m.pt", match=".safetensors")

    def test_no_model(self) -> None:
        words = ("image.ome.tif", "-o", "a.tif", "-q")
        refused("apply", "no.safetensors", *words, match="no model file")
        Path("bad.safetensors").write_text("text")
        refused("apply", "bad.safetensors", *words, match="is not a model")

    def test_model_for_other_channels(self, model: Path) -> None:
        iio.imwrite("rgb.png", np.zeros((32, 40, 3), np.uint8))
        words = ("apply", "m.safetensors", "rgb.png", "-o", "a.tif")
        refused(*words, match="3 channels does not fit")

    @pytest.mark.parametrize(
        ("option", "match"),
        [
            ("--n-labels=0", "give a whole number from 1 to"),
            ("--n-labels=some", "give a whole number from 1 to"),
            ("--n-steps=none", "give a whole number from 1 to"),
            ("--n-steps=1.5", "give a whole number from 1 to"),
            ("--momentum=nan", "give a number from 0 to"),
            ("--device=tpu", "give one of auto, cpu, cuda, mps"),
            ("--n-labelz=3", "No such option"),
            ("--settings=no.json", "no.json cannot be read"),
            ("--min-labels=9", "--min-labels=9 is more than --max-labels=4"),
        ],
    )
    def test_setting(self, option: str, match: str) -> None:
        refused("segment", "image.ome.tif", "-o", "a.tif", option, match=match)

    def test_settings_file(self) -> None:
        Path("s.json").write_text('{"format": "napari-mmtseg settings", "version": 99}')
        words = ("segment", "image.ome.tif", "-o", "a.tif", "--settings", "s.json")
        refused(*words, match="version 99")

    def test_system_error(self) -> None:
        name = "a" * 300 + ".json"
        words = ("segment", "image.ome.tif", "-o", "a.tif", "--settings", name)
        refused(*words, match="name too long")

    def test_missing_output(self) -> None:
        refused("segment", "image.ome.tif", match="Missing option '-o'")

    def test_disk_full(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        words = ("segment", "image.ome.tif", "-o", "a.tif", "-q")
        refused(*words, match="No space left on device")

    def test_system_without_a_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: object, **details: object) -> None:
            raise OSError("gone")

        monkeypatch.setattr("napari_mmtseg.segmentation.of_file.iter_segment", fail)
        words = ("segment", "image.ome.tif", "-o", "a.tif")
        refused(*words, match="Error: gone.")

"""Labels that are repeated from what their file says of itself."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_mmtseg.cli.main import main
from napari_mmtseg.files.provenance import Provenance, read_provenance
from napari_mmtseg.files.read import read_image
from napari_mmtseg.files.write import write_labels
from tests.cli.running import refused, run, two_halves


def repeated(*words: object) -> None:
    result = run("rerun", *words)
    assert result.exit_code == 0, result.output
    assert "pixels are equal" in result.stdout
    assert "Note:" not in result.output


class TestRerun:
    @pytest.mark.parametrize(
        "name", ["labels.tif", "labels.ome.tif", "labels.png", "labels.zarr"]
    )
    def test_every_format(self, name: str) -> None:
        if name.endswith("zarr"):
            pytest.importorskip("ome_zarr")
        assert run("segment", "image.ome.tif", "-o", name, "--seed=5").exit_code == 0
        repeated(name)

    def test_labels_are_written_again(self) -> None:
        run("segment", "image.ome.tif", "-o", "a.tif")
        repeated("a.tif", "-o", "b.tif")
        assert Path("a.tif").read_bytes() == Path("b.tif").read_bytes()
        repeated("b.tif", "--output", "c.png")
        refused("rerun", "a.tif", "-o", "a.tif", "--overwrite", match="another name")

    def test_everything_that_was_given(self, model: Path) -> None:
        strokes = np.zeros((32, 40), np.uint8)
        strokes[2:6, 2:6], strokes[2:6, 30:36] = 3, 7
        iio.imwrite("strokes.png", strokes)
        stack = np.stack([two_halves(), two_halves() + 1, two_halves() * 2])
        tifffile.imwrite("stack.tif", stack, photometric="minisblack")
        run("segment", "image.ome.tif", "-o", "s.tif", "--scribbles=strokes.png")
        inside = np.zeros((32, 40), np.uint8)
        inside[:, :30] = 1
        iio.imwrite("area.png", inside)
        run("segment", "image.ome.tif", "-o", "w.tif", "--area=area.png")
        run("segment", "image.ome.tif", "-o", "m.tif", f"--model={model}")
        run("segment", "stack.tif", "-o", "z.tif", "--axes=ZYX", "--output=objects")
        run("apply", model, "stack.tif", "-o", "c.tif", "--channel-axis=0")
        run("apply", model, "image.ome.tif", "-o", "r.tif", "--output=regions")
        run("objects", "m.tif", "-o", "o.tif", "--class=2", "--image=image.ome.tif")
        for name in ("s.tif", "w.tif", "m.tif", "z.tif", "r.tif", "o.tif"):
            repeated(name)
        assert not Path("c.tif").exists()  # the model has one channel, not three

    @pytest.mark.parametrize("mode", ["--each", "--fit-on=1"])
    def test_of_a_folder(self, mode: str) -> None:
        Path("in").mkdir()
        shutil.copy("image.ome.tif", "in/a.ome.tif")
        words = ("--n-steps=3", "--warm-start-steps=2", "--n-labels=2", mode)
        assert run("batch", "in", "out", *words).exit_code == 0
        repeated(next(Path("out").glob("*.tif")))

    def test_number_of_threads_is_a_setting(self) -> None:
        run("segment", "image.ome.tif", "-o", "a.tif", "--threads=3")
        repeated("a.tif", "-o", "b.tif")
        settings = read_provenance(Path("b.tif")).options["settings"]
        assert settings["threads"] == 3

    def test_moved_together(self) -> None:
        run("segment", "image.ome.tif", "-o", "a.tif")
        Path("elsewhere").mkdir()
        for name in ("image.ome.tif", "a.tif"):
            shutil.move(name, "elsewhere")
        repeated("elsewhere/a.tif")

    def test_moved_image(self) -> None:
        run("segment", "image.ome.tif", "-o", "a.tif")
        Path("elsewhere").mkdir()
        shutil.move("image.ome.tif", "elsewhere/other.ome.tif")
        refused("rerun", "a.tif", match="--image FILE")
        refused("rerun", "a.tif", "--image=b.tif", match="no file b.tif")
        repeated("a.tif", "--image=elsewhere/other.ome.tif")

    def test_another_image(self) -> None:
        run("segment", "image.ome.tif", "-o", "a.tif")
        tifffile.imwrite("image.ome.tif", two_halves() + 1)
        refused("rerun", "a.tif", match="another content")

    def test_changed_labels(self, capsys: pytest.CaptureFixture[str]) -> None:
        run("segment", "image.ome.tif", "-o", "a.tif")
        about, labels = read_provenance(Path("a.tif")), read_image("a.tif").array
        labels = labels.copy()
        labels[0, :3] = 9
        write_labels("a.tif", labels, provenance=about, overwrite=True)
        assert main(["rerun", "a.tif"]) == 1
        assert "3 of 1280 pixels differ (0.23%)" in capsys.readouterr().out

    def test_no_provenance(self) -> None:
        refused("rerun", "image.ome.tif", match="does not say how it was made")
        refused("rerun", "nothing.tif", match="no file nothing.tif")
        Path("text.tif").write_text("text")
        refused("rerun", "text.tif", match="does not say how it was made")

    def test_other_releases(self) -> None:
        run("segment", "image.ome.tif", "-o", "a.tif")
        about, labels = read_provenance(Path("a.tif")), read_image("a.tif").array
        older = replace(about, made_with={**about.made_with, "torch": "1.0"})
        write_labels("a.tif", labels, provenance=older, overwrite=True)
        result = run("rerun", "a.tif")
        assert result.exit_code == 0
        assert "made with torch 1.0, here is" in result.stderr
        settings = {**about.options["settings"], "gone": 1}
        newer = replace(about, options={**about.options, "settings": settings})
        write_labels("a.tif", labels, provenance=newer, overwrite=True)
        refused("rerun", "a.tif", match="settings that this release does not have")

    @pytest.mark.parametrize("text", ["{}", "[1]", "no JSON", '{"format": 3}'])
    def test_damage(self, text: str) -> None:
        write_labels("a.png", np.ones((9, 9), int), provenance=_Text(text))
        refused("rerun", "a.png", match="not in a way that this release reads")


class _Text(Provenance):
    def __init__(self, text: str) -> None:
        object.__setattr__(self, "text", text)

    def to_json(self) -> str:
        return self.text


def test_same_run_gives_the_same_file() -> None:
    for name in ("a.tif", "b.tif"):
        run("segment", "image.ome.tif", "-o", name)
    assert Path("a.tif").read_bytes() == Path("b.tif").read_bytes()
    about = json.loads(read_provenance(Path("a.tif")).to_json())
    assert about["files"]["image"]["path"] == "image.ome.tif"
    assert str(Path.cwd()) not in json.dumps(about)

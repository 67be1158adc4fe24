from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_mmtseg.cli.main import main
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read import read_image
from napari_mmtseg.segmentation.segment import iter_segment
from tests.cli.running import refused, run, two_halves


class TestSegment:
    @pytest.mark.parametrize("name", ["labels.tif", "labels.ome.tif"])
    def test_labels_lie_over_the_image(self, name: str) -> None:
        words = ("--n-labels", 2, "--n-steps", 30)
        result = run("segment", "image.ome.tif", "-o", name, *words)
        assert result.exit_code == 0, result.output
        labels = read_image(name)
        assert labels.array.dtype == np.uint8
        assert labels.shape == (32, 40)
        assert set(np.unique(labels.array)) == {1, 2}
        assert labels.array[:, :16].mean() < 1.1
        assert labels.array[:, 24:].mean() > 1.9
        assert labels.pixel_sizes == (PixelSize(0.25, "µm"), PixelSize(0.5, "µm"))
        assert result.stdout.startswith(f"{name}: 2 classes, 40 x 32 pixels\n")
        assert "on cpu (float32)" in result.stdout

    def test_same_as_the_function(self) -> None:
        from napari_mmtseg import segment

        assert run("segment", "image.ome.tif", "-o", "a.png", "--seed=3").exit_code == 0
        settings = {"seed": 3, "n_steps": 3, "warm_start_steps": 2, "max_labels": 4}
        more = {"working_size": 32, "device": "cpu", "precision": "float32"}
        expected = segment(two_halves(), **settings, **more)
        np.testing.assert_array_equal(iio.imread("a.png"), expected)

    def test_regions(self) -> None:
        spots = np.zeros((32, 40), np.uint8)
        spots[4:12, 4:12] = spots[20:28, 4:12] = spots[12:20, 24:32] = 255
        iio.imwrite("spots.png", spots)
        words = ("segment", "spots.png", "-o", "a.tif", "--n-labels=2")
        result = run(*words, "--output=regions", "--background=auto")
        assert result.exit_code == 0, result.output
        assert "regions and background (0), 40 x 32 pixels" in result.stdout
        result = run(*words, "--overwrite")
        assert "2 classes, 40 x 32 pixels" in result.stdout
        refused(*words, "--background=7", match="more than the 2 classes")
        refused(*words, "--background=dark", match="or a label from 1")

    def test_overwrite(self) -> None:
        Path("a.tif").write_text("old")
        words = ("segment", "image.ome.tif", "-o", "a.tif")
        refused(*words, match="a.tif exists")
        assert run(*words, "--overwrite").exit_code == 0
        assert read_image("a.tif").shape == (32, 40)

    def test_channel_axis(self) -> None:
        stack = np.stack([two_halves()] * 5)
        tifffile.imwrite("stack.ome.tif", stack, metadata={"axes": "ZYX"})
        words = ("segment", "stack.ome.tif", "-o", "a.tif")
        assert "5 slices of 40 x 32 pixels" in run(*words).stdout
        Path("a.tif").unlink()
        refused(*words, "--channel-axis", 2, match="5 x 32 pixels is too small")
        assert run(*words, "--channel-axis", 0).exit_code == 0

    def test_save_and_apply_model(self) -> None:
        words = ("segment", "image.ome.tif", "-o", "a.tif", "--n-labels=2")
        result = run(*words, "--save-model", "m.safetensors")
        assert result.exit_code == 0, result.output
        assert "m.safetensors: the model" in result.stdout
        result = run("apply", "m.safetensors", "image.ome.tif", "-o", "b.ome.tif")
        assert result.exit_code == 0, result.output
        assert result.stdout == "b.ome.tif: 2 classes, 40 x 32 pixels\n"
        first, second = read_image("a.tif"), read_image("b.ome.tif")
        np.testing.assert_array_equal(first.array, second.array)
        assert second.pixel_sizes == first.pixel_sizes

    def test_a_model_gives_any_number_of_classes(self, model: Path) -> None:
        words = ("m.safetensors", "image.ome.tif", "-o", "b.tif", "--n-labels", 4)
        result = run("apply", *words, "--confidence", "c.tif", quick=False)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("b.tif: 4 classes")
        words = ("m.safetensors", "image.ome.tif", "-o", "d.tif")
        refused("apply", *words, "--n-labels", 0, match="whole number", quick=False)

    def test_confidence(self) -> None:
        words = ("--confidence", "c.tif", "--save-model", "m.safetensors")
        result = run("segment", "image.ome.tif", "-o", "a.tif", *words)
        assert "c.tif: confidence, " in result.stdout
        words = ("apply", "m.safetensors", "image.ome.tif", "-o", "b.tif")
        run(*words, "--confidence", "c.ome.tif", quick=False)
        for name in ("c.tif", "c.ome.tif"):
            written = read_image(name)
            assert written.array.dtype == np.float32
            assert written.array.shape == (32, 40)
            assert 0 <= written.array.min() < written.array.max() <= 1
        np.testing.assert_array_equal(
            read_image("c.tif").array, read_image("c.ome.tif").array
        )
        # One unit for both axes, as ImageJ has it.
        sizes = (PixelSize(0.25, "µm"), PixelSize(0.5, "µm"))
        assert read_image("c.ome.tif").pixel_sizes == sizes
        assert read_image("c.tif").pixel_sizes == sizes

    def test_alpha_is_said_to_be_ignored(self) -> None:
        iio.imwrite("rgba.png", np.full((32, 40, 4), 90, np.uint8))
        result = run("segment", "rgba.png", "-o", "a.png")
        assert result.exit_code == 0, result.output
        assert "Warning: The alpha channel" in result.stderr
        assert "cli" not in result.stderr.splitlines()[0]

    def test_more_regions_than_a_png_can_count(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def many(*args: object, **details: object) -> Iterator[object]:
            result = yield from iter_segment(*args, **details)
            return replace(result, labels=result.labels + 70000)

        monkeypatch.setattr("napari_mmtseg.segmentation.of_file.iter_segment", many)
        result = run("segment", "image.ome.tif", "-o", "a.png")
        assert result.exit_code == 0, result.output
        assert "Warning: too many labels for PNG, they go to a.tif" in result.stderr
        assert read_image("a.tif").array.dtype == np.uint32
        assert not Path("a.png").exists()


class TestFit:
    def test_several_images(self) -> None:
        iio.imwrite("b.png", (two_halves() * 200).clip(0, 255).astype(np.uint8))
        result = run("fit", "image.ome.tif", "b.png", "-o", "m.safetensors")
        assert result.exit_code == 0, result.output
        assert "fitted to 2 images" in result.stdout
        words = ("m.safetensors", "b.png", "-o", "labels.png", "--output", "regions")
        assert "region" in run("apply", *words).stdout

    def test_planes_and_pixels(self) -> None:
        rgb = np.random.default_rng(0).integers(0, 255, (32, 40, 3), np.uint8)
        iio.imwrite("b.png", rgb)
        planes = np.moveaxis(rgb, 2, 0)
        tifffile.imwrite("c.ome.tif", planes, metadata={"axes": "CYX"})
        result = run("fit", "b.png", "c.ome.tif", "-o", "m.safetensors")
        assert result.exit_code == 0, result.output

    def test_different_numbers_of_channels(self) -> None:
        iio.imwrite("b.png", np.zeros((32, 40, 3), np.uint8))
        words = ("fit", "image.ome.tif", "b.png", "-o", "m.safetensors")
        refused(*words, match="same number of channels")


def paint(path: str = "strokes.png") -> np.ndarray:
    scribbles = np.zeros((32, 40), np.uint8)
    scribbles[8:10, 4:14], scribbles[20:22, 26:36] = 7, 3
    iio.imwrite(path, scribbles)
    return scribbles


def test_scribbles_and_a_model_to_start_from() -> None:
    scribbles = paint()
    words = ["segment", "image.ome.tif", "--scribbles=strokes.png"]
    done = run(*words, "-o", "a.tif", "--save-model=m.safetensors")
    assert done.exit_code == 0, done.output
    labels = tifffile.imread("a.tif")
    np.testing.assert_array_equal(labels[scribbles > 0], scribbles[scribbles > 0])
    done = run(*words, "-o", "b.tif", "--model=m.safetensors")
    assert done.exit_code == 0, done.output
    assert set(np.unique(tifffile.imread("b.tif"))) == {3, 7}


def test_an_area_is_segmented_alone() -> None:
    area = np.zeros((32, 40), np.uint8)
    area[4:28, 6:30] = 255
    iio.imwrite("area.png", area)
    words = ["segment", "image.ome.tif", "--area=area.png", "-o", "a.tif"]
    done = run(*words)
    assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(tifffile.imread("a.tif") > 0, area > 0)


def test_a_model_may_be_fitted_to_an_area() -> None:
    area = np.zeros((32, 40), np.uint8)
    area[4:28, 6:30] = 255
    iio.imwrite("area.png", area)
    words = ["fit", "image.ome.tif", "image.ome.tif", "-o", "m.safetensors"]
    done = run(*words, "--area=area.png")
    assert done.exit_code == 0, done.output
    iio.imwrite("area.png", area[:20])
    done = run(*words, "--area=area.png", "--overwrite")
    assert done.exit_code == 2
    assert "The area has the shape (20, 40)" in done.output


def test_scribbles_for_fit_belong_to_one_image() -> None:
    paint()
    words = ["fit", "image.ome.tif", "--scribbles=strokes.png", "-o", "m.safetensors"]
    assert run(*words).exit_code == 0
    done = run(*words, "image.ome.tif", "--overwrite")
    assert done.exit_code == 2
    assert "--scribbles belongs to one image; 2 are given" in done.output


def test_scribbles_of_another_shape_are_refused() -> None:
    iio.imwrite("strokes.png", np.ones((8, 8), np.uint8))
    done = run("segment", "image.ome.tif", "--scribbles=strokes.png", "-o", "a.tif")
    assert done.exit_code == 2
    assert "shape (8, 8)" in done.output


def test_time_before_depth() -> None:
    tifffile.imwrite(
        "s.ome.tif", np.stack([[two_halves()] * 3] * 2), metadata={"axes": "ZTYX"}
    )
    assert run("segment", "s.ome.tif", "-o", "a.ome.tif").exit_code == 0
    found = read_image("a.ome.tif")
    assert (found.axes, found.array.shape) == ("TZYX", (3, 2, 32, 40))


def test_stacks_go_in_and_out(tmp_path, capsys):
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 40, (3, 24, 32)).astype(np.uint8)
    stack[:, 8:16, 8:24] += 150
    path, labels, model = (tmp_path / n for n in ("s.tif", "l.tif", "m.safetensors"))
    metadata = {"axes": "ZYX", "PhysicalSizeZ": 2.0, "PhysicalSizeX": 1.0}
    metadata["PhysicalSizeY"] = 1.0
    tifffile.imwrite(path, stack, ome=True, metadata=metadata)
    quick = ["--n-steps=4", "--warm-start-steps=3", "--n-labels=2", "-q"]
    command = ["segment", str(path), "-o", str(labels), *quick]
    assert main([*command, "--save-model", str(model)]) == 0
    assert "3 slices of 32 x 24 pixels" in capsys.readouterr().out
    assert tifffile.imread(labels).shape == stack.shape
    assert main(["apply", str(model), str(path), "-o", str(tmp_path / "a.tif")]) == 0
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "a.tif"), tifffile.imread(labels)
    )
    volume = ["--stack", "volume", "--overwrite"]
    assert main([*command, *volume]) == 0
    assert main(["fit", str(path), "-o", str(tmp_path / "v.safetensors"), *quick]) == 0
    capsys.readouterr()
    png = ["segment", str(path), "-o", str(tmp_path / "l.png"), *quick]
    assert main(png) == 2
    assert "PNG" in capsys.readouterr().err
    confidence = ["--confidence", str(tmp_path / "c.tif"), "--overwrite"]
    assert main([*command, *confidence]) == 2
    assert "one image at a time" in capsys.readouterr().err
    assert main([*command, "--axes", "CYX", "--overwrite"]) == 0
    assert tifffile.imread(labels).shape == (24, 32)


@pytest.mark.parametrize("given", [True, False])
def test_an_image_of_several_is_chosen(given: bool) -> None:
    with tifffile.TiffWriter("several.tif") as file:
        file.write(np.zeros((16, 20), np.uint8), metadata=None)
        file.write((two_halves() * 200).clip(0, 255).astype(np.uint8), metadata=None)
    words = ["segment", "several.tif", "-o", "a.tif", "--n-labels=2"]
    result = run(*words, *["--series=0"] * given)
    assert result.exit_code == 0, result.stderr
    assert tifffile.imread("a.tif").shape == ((16, 20) if given else two_halves().shape)
    assert ("several.tif holds 2 images" in result.stderr) == (not given)

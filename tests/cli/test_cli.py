from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import imageio.v3 as iio
import numpy as np
import pytest
import skimage.data
import tifffile
from click.testing import CliRunner, Result

from napari_mmtseg import SegmentationSettings
from napari_mmtseg.cli import progress, runs
from napari_mmtseg.cli.commands import mmtseg
from napari_mmtseg.cli.demo import SAMPLES, side_by_side
from napari_mmtseg.cli.interruption import Interruption
from napari_mmtseg.cli.main import main
from napari_mmtseg.cli.options import setting_options
from napari_mmtseg.cli.progress import Report, follow
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read import read_image
from napari_mmtseg.settings.fields import parameters

QUICK = [
    "--n-steps=3",
    "--warm-start-steps=2",
    "--max-labels=4",
    "--working-size=32",
    "--device=cpu",
    "--precision=float32",
]
COMMAND = [sys.executable, "-m", "napari_mmtseg.cli.main"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run every test in an empty folder with one image in it."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite(
        "image.ome.tif",
        two_halves(),
        metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25},
    )
    return tmp_path


def two_halves() -> np.ndarray:
    image = np.random.default_rng(0).normal(0, 0.05, (32, 40)).astype(np.float32)
    image[:, 20:] += 1
    return image


def run(*words: object, quick: bool = True) -> Result:
    arguments = [str(word) for word in words]
    if quick and words[0] in ("segment", "fit", "demo"):
        arguments[1:1] = QUICK
    return CliRunner().invoke(mmtseg, arguments)


def refused(*words: object, match: str, quick: bool = True) -> None:
    """Check that a command ends with code 2 before torch has any work, writing none."""
    before = {p: p.stat().st_mtime_ns for p in Path().iterdir()}
    result = run(*words, quick=quick)
    assert result.exit_code == 2, result.output
    assert "Error: " in result.stderr
    assert match in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert {p: p.stat().st_mtime_ns for p in Path().iterdir()} == before


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
        result = run(*words, "--output=regions")
        assert result.exit_code == 0, result.output
        assert "regions, 40 x 32 pixels" in result.stdout

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

    def test_a_model_gives_any_number_of_classes(self) -> None:
        run("fit", "image.ome.tif", "-o", "m.safetensors", "--n-labels=2")
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
        done = runs.segment

        def many(*args: object, **details: object) -> object:
            result = done(*args, **details)  # type: ignore[arg-type]
            object.__setattr__(result, "labels", result.labels + 70000)
            return result

        monkeypatch.setattr(runs, "segment", many)
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

    def test_model_for_other_channels(self) -> None:
        run("fit", "image.ome.tif", "-o", "m.safetensors")
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
            ("--min-labels=9", "min_labels=9 is more than max_labels=4"),
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

        monkeypatch.setattr(runs, "segment", fail)
        words = ("segment", "image.ome.tif", "-o", "a.tif")
        refused(*words, match="Error: gone.")


class TestSettings:
    @staticmethod
    def chosen(*words: str) -> SegmentationSettings:
        found = []

        @click.command()
        @setting_options
        def command(settings: SegmentationSettings) -> None:
            found.append(settings)

        result = CliRunner().invoke(command, list(words), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return found[0]

    def test_nothing_given(self) -> None:
        assert self.chosen() == SegmentationSettings()

    @pytest.mark.parametrize(
        "name", [n for n, p in parameters().items() if p.kind is not bool]
    )
    def test_every_setting_is_an_option(self, name: str) -> None:
        parameter = parameters()[name]
        values = [*parameter.choices, parameter.minimum, parameter.maximum]
        value = next(v for v in values if v not in (None, parameter.default))
        given = self.chosen("--" + name.replace("_", "-"), f"{value}")
        assert getattr(given, name) == value

    def test_switches(self) -> None:
        assert self.chosen("--preset=paper", "--ema-warmup").ema_warmup
        assert not self.chosen("--no-ema-warmup").ema_warmup

    @pytest.mark.parametrize("word", ["none", "auto", "NONE"])
    def test_automatic(self, word: str) -> None:
        SegmentationSettings(n_labels=3).to_json("s.json")
        given = self.chosen("--settings", "s.json", "--n-labels", word)
        assert given.n_labels is None

    def test_none(self) -> None:
        assert self.chosen("--patience", "none").patience is None

    def test_option_over_file_over_preset(self) -> None:
        SegmentationSettings("fast", n_labels=3, seed=5).to_json("s.json")
        given = self.chosen("--settings", "s.json", "--seed", "8")
        assert given == SegmentationSettings("fast", n_labels=3, seed=8)
        given = self.chosen("--settings", "s.json", "--preset", "paper")
        assert given == SegmentationSettings("paper", n_labels=3, seed=5)

    def test_help(self) -> None:
        text = " ".join(run("segment", "--help", quick=False).output.split())
        for name, parameter in parameters().items():
            assert "--" + name.replace("_", "-") in text
            assert " ".join(parameter.description.split()) in text
            if parameter.kind is not bool and name != "preset":
                assert parameter.accepted in text
        assert "[a whole number from 1 to 256, or none (automatic); default:" in text
        assert "paper: 1000]" in text
        assert "Advanced settings:" in text


class TestDemo:
    def test_files(self) -> None:
        result = run("demo", "--image", "coins", "--n-labels=2", "-q")
        assert result.exit_code == 0, result.output
        coins = skimage.data.coins()
        written = Path("mmtseg-demo")
        np.testing.assert_array_equal(iio.imread(written / "input.png"), coins)
        labels = read_image(written / "labels.tif")
        assert labels.shape == coins.shape
        assert set(np.unique(labels.array)) == {1, 2}
        picture = iio.imread(written / "side-by-side.png")
        assert picture.shape[0] == coins.shape[0]
        assert picture.shape[1] > 3 * coins.shape[1]
        assert "coins of scikit-image: 384 x 303 pixels, grey" in result.stdout
        assert "2 classes" in result.stdout
        assert f"napari {written / 'input.png'} {written / 'labels.tif'}" in (
            result.stdout
        )
        refused("demo", "--image", "coins", match="input.png exists")
        assert run("demo", "--image", "coins", "--overwrite").exit_code == 0

    def test_folder_is_a_file(self) -> None:
        Path("there").write_text("")
        refused("demo", "-o", "there", match="there cannot be made")

    @pytest.mark.parametrize("name", SAMPLES)
    def test_samples_come_with_scikit_image(self, name: str) -> None:
        image = getattr(skimage.data, name)()
        assert image.dtype == np.uint8
        assert image.ndim == 2 or image.shape[2:] == (3,)

    @pytest.mark.parametrize("n_labels", [1, 8, 60])
    def test_picture(self, n_labels: int) -> None:
        labels = np.arange(64 * 48, dtype=np.int32).reshape(64, 48) % n_labels + 1
        image = np.zeros((64, 48, 3), np.uint8)
        picture = side_by_side(image, labels)
        assert (picture.dtype, picture.shape) == (np.uint8, (64, 3 * 48 + 24, 3))
        np.testing.assert_array_equal(picture[:, :48], image)
        colours = np.unique(picture[:, 60:108].reshape(-1, 3), axis=0)
        assert len(colours) == n_labels


class TestInfo:
    def test_what_a_bug_report_needs(self) -> None:
        from importlib.metadata import version

        result = run("info")
        assert result.exit_code == 0, result.output
        lines = dict(
            line.split(maxsplit=1) for line in result.stdout.splitlines() if line
        )
        assert lines["torch"] == version("torch")
        assert lines["python"] == sys.version.split()[0]
        assert lines["device"] in ("cpu", "cuda", "mps")
        assert lines["precision"].startswith(("float32 (", "bfloat16 ("))
        assert int(lines["threads"]) >= 1
        assert lines["n_steps"].split()[-1] == "1000"
        assert lines["patience"].split()[-1] == "none"

    @pytest.mark.parametrize(
        ("fast", "words"),
        [
            (False, "float32 (auto takes bfloat16 with AMX only)"),
            (True, "bfloat16 (with AMX)"),
        ],
    )
    def test_why_this_precision(
        self, monkeypatch: pytest.MonkeyPatch, fast: bool, words: str
    ) -> None:
        from napari_mmtseg.engine import device

        monkeypatch.setattr(device, "has_fast_bfloat16", lambda device: fast)
        assert words in run("info").stdout

    def test_package_that_is_not_installed(self) -> None:
        from napari_mmtseg.cli.info import _version

        assert _version("surely-not-installed") == "not installed"


class TestProgress:
    def test_lines_at_most_one_a_second(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        clock = iter(np.arange(0, 100, 0.3))
        monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
        total = 20

        def work() -> Iterator[int]:
            yield from range(1, total + 1)
            return "done"

        def describe(step: int) -> Report:
            return Report("working", step, total, f"{step} labels")

        assert follow(work(), describe, quiet=False) == "done"
        captured = capsys.readouterr()
        lines = captured.err.splitlines()
        assert captured.out == ""
        assert lines[0] == "loading PyTorch"
        assert lines[-1] == "working: 20 of 20, 20 labels"
        assert 5 <= len(lines) <= 8

    def test_quiet(self) -> None:
        result = run("segment", "image.ome.tif", "-o", "a.tif", "--quiet")
        assert result.stderr == ""
        assert "a.tif: " in result.stdout

    def test_generator_is_closed_after_an_error(self) -> None:
        closed = []

        def work() -> Iterator[int]:
            try:
                yield 1
            finally:
                closed.append(True)

        def fail(step: int) -> Report:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            follow(work(), fail, quiet=True)
        assert closed

    @posix
    def test_bar_on_a_terminal(self) -> None:
        import pty

        main, side = pty.openpty()
        words = [*COMMAND, "segment", "image.ome.tif", "-o", "a.tif", *QUICK]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=side)
        os.close(side)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other end is shut
            while chunk := os.read(main, 4096):
                shown += chunk
        os.close(main)
        stdout, _ = process.communicate(timeout=30)
        assert process.returncode == 0, shown
        assert b"\r" in shown
        assert b"0/3" in shown
        assert stdout.startswith(b"a.tif: ")
        assert b"\r" not in stdout


class TestProcess:
    def test_piped(self) -> None:
        words = [*COMMAND, "segment", "image.ome.tif", "-o", "a.tif", *QUICK]
        done = subprocess.run(words, capture_output=True, check=True, timeout=60)
        assert b"\r" not in done.stderr.replace(os.linesep.encode(), b"\n")
        assert done.stderr.startswith(b"loading PyTorch")
        assert done.stdout.startswith(b"a.tif: ")

    @pytest.mark.parametrize("words", [["--help"], ["--version"], ["segment", "-h"]])
    def test_help_needs_nothing_heavy(self, words: list[str]) -> None:
        code = (
            "import sys; from napari_mmtseg.cli.main import main; "
            f"assert main({words}) == 0; "
            "print(sorted({'numpy', 'skimage', 'torch', 'tqdm'} & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, timeout=30
        )
        assert done.stdout.splitlines()[-1] == b"[]"

    def test_refusal_needs_no_torch(self) -> None:
        iio.imwrite("a.png", np.zeros((4, 40), np.uint8))
        code = (
            "import sys; from napari_mmtseg.cli.main import main; "
            "assert main(['segment', 'a.png', '-o', 'b.tif']) == 2; "
            "assert 'torch' not in sys.modules"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, timeout=30
        )
        assert b"Error: a.png: An image of 4 x 40" in done.stderr

    def test_exit_code_of_bad_input(self) -> None:
        words = [*COMMAND, "segment", "no.png", "-o", "a.tif"]
        done = subprocess.run(words, capture_output=True, check=False, timeout=30)
        assert done.returncode == 2
        assert done.stderr.splitlines() == [b"Error: There is no file no.png."]

    @posix
    @pytest.mark.parametrize("moment", ["loading", "training"])
    def test_interrupt(self, moment: str) -> None:
        with self.started("image.ome.tif") as process:
            assert process.stderr is not None
            assert process.stderr.readline() == b"loading PyTorch\n"
            if moment == "training":
                assert process.stderr.readline()
            self.interrupted(process)

    @posix
    def test_interrupt_while_reading(self) -> None:
        os.mkfifo("slow.png")
        with self.started("slow.png") as process, open("slow.png", "wb"):
            self.interrupted(process)

    @staticmethod
    def started(image: str) -> subprocess.Popen[bytes]:
        words = [*COMMAND, "segment", image, "-o", "a.tif", *QUICK]
        endless = ["--n-steps=100000", "--patience=none", "--min-labels=1"]
        return subprocess.Popen(
            [*words, *endless], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @staticmethod
    def interrupted(process: subprocess.Popen[bytes]) -> None:
        before = set(Path().iterdir())
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
        assert process.returncode == 130, stderr
        assert stdout == b""
        assert stderr.endswith(b"Cancelled.\n")
        assert b"Traceback" not in stderr
        assert set(Path().iterdir()) == before


class TestInterruption:
    @pytest.fixture
    def interruption(self) -> Iterator[Interruption]:
        interruption = Interruption()
        handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
        interruption.listen()
        yield interruption
        signal.signal(signal.SIGINT, handler)
        sys.unraisablehook = hook

    def test_at_once(self, interruption: Interruption) -> None:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interruption.check()

    def test_second_one_does_not_disturb_the_cleaning_up(
        self, interruption: Interruption
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    def test_deferred(self, interruption: Interruption) -> None:
        done = []

        def load() -> None:
            with interruption.deferred():
                signal.raise_signal(signal.SIGINT)
                done.append(True)

        with pytest.raises(KeyboardInterrupt):
            load()
        assert done

    def test_swallowed_by_a_destructor(
        self, interruption: Interruption, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Fragile:
            def __del__(self) -> None:
                signal.raise_signal(signal.SIGINT)

        fragile = Fragile()
        del fragile
        assert capsys.readouterr().err == ""
        with pytest.raises(KeyboardInterrupt):
            interruption.check()

    def test_exit_code_after_an_interrupt_in_exec(self) -> None:
        # Python would end itself with a signal after a KeyboardInterrupt in exec().
        code = (
            "import sys\n"
            "from napari_mmtseg.cli import main as cli\n"
            "from napari_mmtseg.cli import commands\n"
            "text = 'import signal; signal.raise_signal(signal.SIGINT)'\n"
            "commands.run = lambda arguments: exec(text)\n"
            "sys.exit(cli.main([]))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=False, timeout=30
        )
        assert (done.returncode, done.stderr.strip()) == (130, b"Cancelled.")

    def test_import_error_after_an_interrupt_is_no_crash(
        self, monkeypatch: pytest.MonkeyPatch, interruption: Interruption
    ) -> None:
        from napari_mmtseg.cli import commands
        from napari_mmtseg.cli import main as cli

        def fail(arguments: object) -> int:
            interruption.requested = True
            raise ImportError("half loaded")

        monkeypatch.setattr(cli, "interruption", interruption)
        monkeypatch.setattr(commands, "run", fail)
        assert cli.main([]) == 130


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

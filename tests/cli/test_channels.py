"""Commands on some channels of an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_mmtseg as mm
from napari_mmtseg.files.provenance import read_provenance
from napari_mmtseg.images.picked_channels import PickedChannels
from tests.cli.running import refused, run, two_halves

PICK = "--channels=0,2"


def write(name: str, *pixels: np.ndarray) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    image = np.stack(pixels).astype(np.float32)
    tifffile.imwrite(name, image, ome=True, metadata={"axes": "CYX"})


@pytest.fixture(autouse=True)
def three() -> None:
    halves = two_halves()
    noise = np.random.default_rng(1).random(halves.shape)
    write("three.ome.tif", halves, noise, 1 - halves)
    write("two.ome.tif", halves, 1 - halves)
    write("four.ome.tif", halves, noise, 1 - halves, noise)


def labels(name: str) -> np.ndarray:
    return tifffile.imread(name)


def done(*words: object) -> None:
    result = run(*words)
    assert result.exit_code == 0, result.output


def test_segment_fit_and_apply() -> None:
    model = "--save-model=s.safetensors"
    done("segment", "three.ome.tif", "-o", "a.tif", PICK, model, "--measure=a.csv")
    done("segment", "two.ome.tif", "-o", "b.tif")
    np.testing.assert_array_equal(labels("a.tif"), labels("b.tif"))
    assert read_provenance(Path("a.tif")).options["channels"] == [0, 2]
    header = Path("a.csv").read_text().splitlines()[0]
    assert "mean_channel_3" in header
    assert "mean_channel_2" not in header
    done("rerun", "a.tif")
    done("fit", "three.ome.tif", "-o", "f.safetensors", PICK)
    for name in ("s", "f"):
        fitted = mm.load_model(f"{name}.safetensors")
        assert fitted.picked_channels == PickedChannels((0, 2), 3)
    words = ["apply", "f.safetensors", "three.ome.tif", "-o"]
    done(*words, "c.tif")
    done(*words, "d.tif", PICK)
    done("apply", "f.safetensors", "two.ome.tif", "-o", "e.tif")
    for name in ("d.tif", "e.tif"):
        np.testing.assert_array_equal(labels(name), labels("c.tif"))
    four = ["apply", "f.safetensors", "four.ome.tif", "-o", "g.tif"]
    refused(*four, match="fitted on channels 0, 2 of 3")
    done(*four, PICK)
    np.testing.assert_array_equal(labels("g.tif"), labels("c.tif"))


@pytest.mark.parametrize(
    ("channels", "match"),
    [
        ("0,3", "there is no channel 3"),
        ("0,0", "twice"),
        ("a", "such as 0,2"),
        ("-1", "such as 0,2"),
    ],
)
def test_channels_that_are_refused(channels: str, match: str) -> None:
    words = ["segment", "three.ome.tif", "-o", "a.tif"]
    refused(*words, f"--channels={channels}", match=match)


def test_a_batch_and_its_model() -> None:
    for i in range(2):
        write(f"in/{i}.ome.tif", two_halves(), two_halves() * i, 1 - two_halves())
    quick = ["--n-steps=3", "--warm-start-steps=2", "--max-labels=4"]
    done("batch", "in", "out", PICK, *quick)
    model = mm.load_model("out/mmtseg-model.safetensors")
    assert model.picked_channels == PickedChannels((0, 2), 3)
    expected = labels("out/1.tif")
    done("batch", "in", "again", "--model=out/mmtseg-model.safetensors")
    np.testing.assert_array_equal(labels("again/1.tif"), expected)
    Path("out/1.tif").unlink()
    done("batch", "in", "out", "--resume")
    np.testing.assert_array_equal(labels("out/1.tif"), expected)
    other = run("batch", "in", "out", "--resume", "--channels=1")
    assert other.exit_code == 2
    assert "channels (was [0, 2], is [1])" in other.stderr
    missing = run("batch", "in", "none", "--channels=5", *quick)
    assert missing.exit_code == 2
    assert "there is no channel 5" in missing.stderr

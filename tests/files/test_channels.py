"""Channels of a file that are chosen by number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_mmtseg.errors import InputError
from napari_mmtseg.files import read_tiff
from napari_mmtseg.files.read import read_image
from napari_mmtseg.images.picked_channels import PickedChannels

SHAPES = {"CYX": (3, 20, 24), "ZCYX": (4, 3, 20, 24), "YXS": (20, 24, 3)}


def written(folder: Path, axes: str) -> Path:
    image = np.random.default_rng(0).integers(0, 255, SHAPES[axes]).astype(np.uint8)
    path = folder / "image.tif"
    tifffile.imwrite(path, image, ome=True, metadata={"axes": axes})
    return path


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("axes", SHAPES)
def test_chosen_channels_in_the_order_of_the_file(
    tmp_path: Path, axes: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, axes)
    if large:
        monkeypatch.setattr(read_tiff, "_LARGE", 1)
    whole = read_image(path)
    found = read_image(path, channels=[2, 0])
    at = next(i for i, a in enumerate(whole.axes) if a in "CS")
    expected = np.asarray(whole.array).take([0, 2], at)
    np.testing.assert_array_equal(np.asarray(found.array), expected)
    assert found.axes == whole.axes.replace("S", "C")
    assert (found.channel_axis, found.picked) == (at, PickedChannels((0, 2), 3))
    assert found.pixel_sizes == whole.pixel_sizes
    assert read_image(path, channels=(0, 1, 2)).picked is None


@pytest.mark.parametrize(
    ("axes", "channels", "match"),
    [
        ("CYX", (0, 3), "there is no channel 3"),
        ("YXS", (3,), "Count from 0 to 2"),
        ("CYX", (1, 1), "twice"),
        ("CYX", (), "such as 0,2"),
        ("CYX", (-1,), "counted from 0"),
        ("CYX", (True,), "counted from 0"),
        ("CYX", "02", "counted from 0"),
    ],
)
def test_channels_that_are_not_there(
    tmp_path: Path, axes: str, channels: Any, match: str
) -> None:
    path = written(tmp_path, axes)
    with pytest.raises(InputError, match=match):
        read_image(path, channels=channels)


def test_an_image_without_channels(tmp_path: Path) -> None:
    path = tmp_path / "grey.tif"
    image = np.zeros((5, 20, 24), np.uint8)
    tifffile.imwrite(path, image, ome=True, metadata={"axes": "ZYX"})
    with pytest.raises(InputError, match="has no channels"):
        read_image(path, channels=(0,))

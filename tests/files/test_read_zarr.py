from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read import read_image
from tests.files.images import PLANES

zarr = pytest.importorskip("zarr")


def test_axes_and_scale_of_an_image(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.zarr"
    group = zarr.open_group(str(path), mode="w")
    array = group.create_array("0", shape=PLANES.shape, dtype="u1")
    array[:] = PLANES
    axes = [{"name": a, "type": "space", "unit": "nanometer"} for a in "zyx"]
    change = {"type": "scale", "scale": [4.0, 2.0, 0.5]}
    level = {"path": "0", "coordinateTransformations": [change]}
    group.attrs["ome"] = {"multiscales": [{"axes": axes, "datasets": [level]}]}
    image = read_image(path)
    assert (image.axes, image.channel_axis, image.name) == ("ZYX", None, "a")
    assert image.pixel_sizes == tuple(PixelSize(s, "nm") for s in change["scale"])
    np.testing.assert_array_equal(np.asarray(image.array), PLANES)


def write_images(path: Path, *changes: dict[str, Any]) -> None:
    group = zarr.open_group(str(path), mode="w")
    images = []
    for i, change in enumerate(changes):
        array = group.create_array(str(i), shape=(16 + i, 16), dtype="u1")
        array[:] = i
        scale = {"type": "scale", "scale": [0.5, 0.5]}
        level = {"path": str(i), "coordinateTransformations": [scale, change]}
        axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "yx"]
        images.append({"axes": axes, "datasets": [level]})
    group.attrs["ome"] = {"multiscales": images}


def test_the_first_of_several_images_is_taken_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    write_images(path, {"type": "identity"}, {"type": "identity"})
    with pytest.warns(UserWarning, match="holds 2 images; the first is used"):
        assert read_image(path).shape == (16, 16)
    assert read_image(path, series=1).shape == (17, 16)


def test_a_turn_that_labels_cannot_have_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    write_images(path, {"type": "affine", "affine": [[1, 0.5, 0], [0, 1, 0]]})
    with pytest.warns(UserWarning, match="its affine is left out"):
        assert read_image(path).spacing == (0.5, 0.5)


def test_damaged_and_other_groups_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    zarr.open_group(str(path), mode="w")
    with pytest.raises(InputError, match="does not hold an OME-Zarr image"):
        read_image(path)
    (path / "zarr.json").write_text("{")
    with pytest.raises(InputError, match="is not a readable zarr"):
        read_image(path)

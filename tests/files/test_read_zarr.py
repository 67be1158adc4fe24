from __future__ import annotations

from pathlib import Path

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


def test_damaged_and_other_groups_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    zarr.open_group(str(path), mode="w")
    with pytest.raises(InputError, match="does not hold an OME-Zarr image"):
        read_image(path)
    (path / "zarr.json").write_text("{")
    with pytest.raises(InputError, match="is not a readable zarr"):
        read_image(path)

"""Labels layers in files: what each format keeps of one, and is said to lose."""

import warnings

import numpy as np
import pandas as pd
import pytest
from napari.utils.colormaps import DirectLabelColormap

from napari.layers import Labels
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read import read_image
from napari_mmtseg.napari.layers.result import METADATA
from napari_mmtseg.napari.layers.writing import LayerFile

DATA = np.arange(3 * 16 * 20).reshape(3, 16, 20) % 3
COLOURS = DirectLabelColormap(color_dict={None: "black", 1: "red", 2: "blue"})
NAMES = pd.DataFrame({"index": [1, 2], "name": ["nuclei", "stroma"]})
FORMATS = ["a.tif", "a.ome.tif", "a.zarr"]


def saved(path, data=DATA, **attributes):
    if path.suffix == ".zarr":
        pytest.importorskip("ome_zarr")
    LayerFile.of(Labels(data, **attributes)).write(path)
    return read_image(path / "labels" / "mmtseg" if path.is_dir() else path)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("unit", ["um", "nm", "mm", "pixel"])
def test_scale_and_translation_of_a_layer(tmp_path, name, unit):
    image = saved(
        tmp_path / name,
        scale=(2, 0.5, 0.25),
        translate=(-4, 100, 12.5),
        units=(unit,) * 3,
    )
    symbol = {"um": "µm", "pixel": ""}.get(unit, unit)
    for found, expected in (
        (image.pixel_sizes, (2, 0.5, 0.25)),
        (image.positions, (-4, 100, 12.5)),
    ):
        assert [p.size for p in found] == pytest.approx(expected)
        assert {p.unit for p in found} == {symbol}


@pytest.mark.parametrize("name", FORMATS)
def test_scale_of_an_affine_matrix(tmp_path, name):
    affine = np.diag([2, 0.5, 0.25, 1])
    affine[:3, 3] = 7
    image = saved(tmp_path / name, affine=affine, units=("um",) * 3)
    assert image.spacing == pytest.approx((2, 0.5, 0.25))
    assert [p.size for p in image.positions] == pytest.approx([7, 7, 7])


@pytest.mark.parametrize("name", FORMATS)
def test_time_between_frames(tmp_path, name):
    image = saved(
        tmp_path / name,
        scale=(2.5, 0.5, 0.5),
        units=("s", "um", "um"),
        axis_labels=("t", "y", "x"),
    )
    assert image.axes == "TYX"
    assert image.pixel_sizes == (PixelSize(2.5, "s"), *[PixelSize(0.5, "µm")] * 2)


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.png"])
@pytest.mark.parametrize(
    ("attributes", "lost"),
    [
        ({"rotate": 30}, "rotated"),
        ({"shear": [0.2]}, "sheared"),
        ({"scale": (1, -1)}, "mirrored"),
        ({"affine": [[0, 1, 0], [1, 0, 0], [0, 0, 1]]}, "rotated"),
        ({"features": NAMES}, "names and colours"),
        ({"colormap": COLOURS}, "names and colours"),
        ({"metadata": {METADATA: {"object_classes": [0, 1, 1]}}}, "names and colours"),
    ],
    ids=lambda value: None if isinstance(value, str) else "-".join(value),
)
def test_what_a_format_loses_is_said(tmp_path, name, attributes, lost):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")  # of PNG it is also said that it has no sizes
        saved(tmp_path / name, DATA[0], **attributes)
    assert any(lost in str(c.message) for c in caught)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_said_of_a_plain_layer(tmp_path, name, recwarn):
    saved(tmp_path / name, scale=(1, 0.5, 0.5), units=("um",) * 3)
    assert not recwarn.list

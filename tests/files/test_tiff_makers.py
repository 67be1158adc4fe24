"""Pixel sizes that microscopes and scanners write into TIFF files of their own."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_mmtseg.files.read import read_image
from tests.files.images import GREY

ASCII, BYTES = 2, 7


def lsm() -> bytes:
    """Return Zeiss' description of one plane of 0.5 µm."""
    about = np.zeros(1, tifffile.TIFF.CZ_LSMINFO)
    height, width = GREY.shape
    about["MagicNumber"], about["StructureSize"] = 67127628, about.nbytes
    about["DimensionX"], about["DimensionY"] = width, height
    for name in ("DimensionZ", "DimensionChannels", "DimensionTime", "DataType"):
        about[name] = 1
    for axis in "XYZ":
        about[f"VoxelSize{axis}"] = 5e-7
    return about.tobytes()


def metaseries(unit: str = "um") -> dict[str, Any]:
    names = ("x", "y")
    sizes = "".join(
        f'<prop id="spatial-calibration-{n}" type="float" value="0.5"/>' for n in names
    )
    text = (
        f'<MetaData><PlaneInfo>{sizes}<prop id="spatial-calibration-units" '
        f'type="string" value="{unit}"/></PlaneInfo><SetInfo></SetInfo></MetaData>'
    )
    return {"description": text, "software": "MetaSeries"}


def tag(code: int, kind: int, value: Any) -> dict[str, Any]:
    count = len(value) if kind == BYTES else 0
    return {"extratags": [(code, kind, count, value, True)]}


SEM = "DP_X\r\nx = 1\r\nAP_PIXEL_SIZE\r\nPixel Size = 500.0 nm\r\n"
FEI = "[Scan]\r\nPixelWidth=5e-7\r\nPixelHeight=5e-7\r\n"
MAKERS: dict[str, dict[str, Any]] = {
    "Aperio": {"description": "Aperio Library v10\r\n32x24 |AppMag = 20|MPP = 0.5"},
    "MetaMorph": metaseries(),
    "Micro-Manager": tag(51123, ASCII, json.dumps({"PixelSizeUm": 0.5})),
    "Zeiss, electrons": tag(34118, ASCII, SEM),
    "FEI": tag(34682, ASCII, FEI),
    "Zeiss, light": tag(34412, BYTES, lsm()),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_pixel_size_of_a_maker(tmp_path: Path, maker: str) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, byteorder="<") as file:
        file.write(GREY, metadata=None, **MAKERS[maker])
        if maker == "Zeiss, light":  # its images have a thumbnail each
            file.write(GREY[::2, ::2], subfiletype=1, metadata=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the thumbnail
        image = read_image(path)
    np.testing.assert_array_equal(image.array, GREY)
    assert image.spacing == pytest.approx((0.5, 0.5))
    assert image.unit == "µm"


@pytest.mark.parametrize(
    "details",
    [
        metaseries("furlong"),
        tag(51123, ASCII, "{"),
        tag(51123, ASCII, json.dumps({"PixelSizeUm": 0})),
        tag(51123, ASCII, json.dumps({"PixelSizeUm": "?"})),
        {"description": "Aperio Library v10\r\n32x24 |AppMag = 20|MPP = none"},
        tag(34118, ASCII, "DP_X\r\nx = 1\r\n"),
    ],
)
def test_damaged_metadata_leave_the_pixels(
    tmp_path: Path, details: dict[str, Any]
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, metadata=None, **details)
    image = read_image(path)
    np.testing.assert_array_equal(image.array, GREY)
    assert image.unit != "µm"


@pytest.mark.parametrize(("per_inch", "size"), [(50800, 0.5), (2400, None)])
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.bmp"])
def test_a_resolution_finer_than_any_print_is_a_pixel_size(
    tmp_path: Path, name: str, per_inch: int, size: float | None
) -> None:
    path = tmp_path / name
    Image.fromarray(GREY).save(path, dpi=(per_inch, per_inch))
    found = read_image(path).spacing
    assert found == (size and pytest.approx((size, size), rel=1e-4))

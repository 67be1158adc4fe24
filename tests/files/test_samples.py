"""What a TIFF file says of its samples, and one picture in several formats."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_mmtseg.files.read import read_image
from tests.files.images import GREY, RGB

FOUR = np.stack([GREY, GREY // 2, GREY // 3, GREY // 4], axis=-1)
TABLE = np.random.default_rng(2).integers(0, 256, (256, 3), np.uint8)
COLORMAP = TABLE.T.astype(np.uint16) * 257
CMYK = np.asarray(Image.fromarray(RGB).convert("CMYK"))
YCBCR = np.asarray(Image.fromarray(RGB).convert("YCbCr"))

CASES: dict[str, tuple[Any, dict[str, Any], str, Any]] = {
    "grey": (GREY, {"photometric": "minisblack"}, "YX", GREY),
    "white is 0": (255 - GREY, {"photometric": "miniswhite"}, "YX", GREY),
    "white is 0, 16 bits": (
        65535 - GREY.astype(np.uint16),
        {"photometric": "miniswhite"},
        "YX",
        GREY,
    ),
    "white is 0, 1 bit": (GREY < 100, {"photometric": "miniswhite"}, "YX", GREY >= 100),
    "white is 0, float": (
        -GREY.astype(np.float32),
        {"photometric": "miniswhite"},
        "YX",
        GREY,
    ),
    "rgb": (RGB, {"photometric": "rgb"}, "YXS", RGB),
    "rgb and alpha": (FOUR, {"photometric": "rgb"}, "YXS", FOUR),
    "rgb and another": (
        FOUR,
        {"photometric": "rgb", "extrasamples": ["unspecified"]},
        "YXC",
        FOUR,
    ),
    "three bands": (
        RGB,
        {"photometric": "minisblack", "planarconfig": "contig"},
        "YXC",
        RGB,
    ),
    "four bands": (
        FOUR,
        {"photometric": "minisblack", "planarconfig": "contig"},
        "YXC",
        FOUR,
    ),
    "four planes": (
        np.moveaxis(FOUR, -1, 0),
        {"photometric": "minisblack", "planarconfig": "separate"},
        "CYX",
        np.moveaxis(FOUR, -1, 0),
    ),
    "grey and alpha": (
        FOUR[..., :2],
        {
            "photometric": "minisblack",
            "planarconfig": "contig",
            "extrasamples": ["unassalpha"],
        },
        "YX",
        GREY,
    ),
    "palette": (
        GREY,
        {"photometric": "palette", "colormap": COLORMAP},
        "YXS",
        TABLE[GREY],
    ),
    "palette of ImageJ": (GREY, {"imagej": True, "colormap": COLORMAP}, "YX", GREY),
    "white is 0 by the lookup table of ImageJ": (
        GREY,
        {"imagej": True, "photometric": "miniswhite"},
        "YX",
        GREY,
    ),
    "cmyk": (CMYK, {"photometric": "separated"}, "YXS", RGB),
    "ycbcr": (YCBCR, {"photometric": "ycbcr"}, "YXS", RGB),
}


@pytest.mark.parametrize("opened", ["read", "only opened"])
@pytest.mark.parametrize("case", CASES)
def test_tags_say_what_samples_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, opened: str
) -> None:
    stored, details, axes, expected = CASES[case]
    if opened == "only opened":
        pytest.importorskip("zarr")
        monkeypatch.setattr("napari_mmtseg.files.read_tiff._LARGE", 1)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, **details)
    image = read_image(path)
    assert image.axes == axes
    found = np.asarray(image.array).astype(np.int64)
    # YCbCr and CMYK are rounded when they are stored.
    near = 3 if case in ("cmyk", "ycbcr") else 0
    np.testing.assert_allclose(found, np.asarray(expected, np.int64), atol=near)
    part = image.array[2:5, 3:9] if axes[0] == "Y" else image.array[:, 2:5, 3:9]
    whole = np.asarray(image.array)
    expected_part = whole[2:5, 3:9] if axes[0] == "Y" else whole[:, 2:5, 3:9]
    np.testing.assert_array_equal(part, expected_part)


def test_stack_in_which_0_is_white(tmp_path: Path) -> None:
    stack = np.stack([GREY, GREY // 2])
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, 255 - stack, photometric="miniswhite")
    image = read_image(path)
    assert image.axes == "ZYX"
    np.testing.assert_array_equal(image.array, stack)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGB", "RGBA"])
def test_one_picture_in_png_and_tiff(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(RGB).convert(mode)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of alpha
        for name in ("a.png", "a.tif"):
            picture.save(tmp_path / name)
            found.append(read_image(tmp_path / name))
    assert found[0].axes == found[1].axes
    np.testing.assert_array_equal(*(np.asarray(f.array) for f in found))


@pytest.mark.parametrize("opened", ["read", "only opened"])
@pytest.mark.parametrize(("kind", "text"), [("float32", "-9999"), ("uint16", "7")])
def test_the_value_that_gdal_names_is_no_data(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    text: str,
    opened: str,
) -> None:
    if opened == "only opened":
        pytest.importorskip("zarr")
        monkeypatch.setattr("napari_mmtseg.files.read_tiff._LARGE", 1)
    values = GREY.astype(kind) + 100
    values[:3] = float(text)
    path = tmp_path / "a.tif"
    tag = [(42113, 2, 0, text, True)]
    tifffile.imwrite(path, values, metadata=None, extratags=tag)
    found = np.asarray(read_image(path).array)
    assert np.isnan(found[:3]).all()
    np.testing.assert_array_equal(found[3:], values[3:])

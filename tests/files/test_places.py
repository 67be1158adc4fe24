"""Pixel size, position, time between frames and classes, through every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_mmtseg.files.outlines import ClassStyle, ObjectClasses
from napari_mmtseg.files.pixel_size import PixelSize, in_one_unit
from napari_mmtseg.files.read import ImageFile, read_image
from napari_mmtseg.files.write import write_labels
from napari_mmtseg.files.write_geojson import write_geojson
from napari_mmtseg.files.write_rois import write_rois

AXES = "TZYX"
LABELS = np.arange(2 * 3 * 16 * 20).reshape(2, 3, 16, 20) % 7
SIZES = (
    PixelSize(2.5, "s"),
    PixelSize(2.0, "µm"),
    PixelSize(0.5, "µm"),
    PixelSize(0.25, "µm"),
)
POSITIONS = (
    None,
    PixelSize(-4.0, "µm"),
    PixelSize(1000.0, "µm"),
    PixelSize(12.5, "µm"),
)
FORMATS = ["a.tif", "a.ome.tif", "a.zarr"]


def written(
    path: Path, sizes: tuple = SIZES, positions: tuple = POSITIONS
) -> ImageFile:
    if path.suffix == ".zarr":
        pytest.importorskip("ome_zarr")
    source = ImageFile(LABELS, AXES, None, sizes, "cells", positions)
    write_labels(path, LABELS, source=source, axes=AXES)
    return read_image(path / "labels" / "mmtseg" if path.is_dir() else path)


def close(found: PixelSize | None, expected: PixelSize | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return found.size == pytest.approx(expected.size) and found.unit == expected.unit


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("what", ["size", "position"])
def test_what_a_file_says_is_written(
    tmp_path: Path, name: str, axis: str, what: str
) -> None:
    image = written(tmp_path / name)
    assert image.axes == AXES
    i = AXES.index(axis)
    found, expected = (
        (image.pixel_sizes, SIZES) if what == "size" else (image.positions, POSITIONS)
    )
    assert close(found[i], expected[i])


@pytest.mark.parametrize("name", FORMATS)
def test_sizes_without_a_unit_stay_so(tmp_path: Path, name: str) -> None:
    sizes = (None, *(PixelSize(s, "") for s in (2.0, 0.5, 0.5)))
    image = written(tmp_path / name, sizes, (None,) * 4)
    assert all(map(close, image.pixel_sizes, sizes))


UNIT = [PixelSize(2.0, unit) for unit in ("nm", "µm", "mm", "cm", "Å", "in")]
TIME = [PixelSize(2.0, unit) for unit in ("ms", "s", "min", "h")]


@pytest.mark.parametrize("size", UNIT + TIME, ids=lambda size: size.unit)
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("what", ["size", "position"])
def test_every_unit_in_every_format(
    tmp_path: Path, name: str, what: str, size: PixelSize
) -> None:
    is_time = size in TIME
    if is_time and what == "position":
        pytest.skip("no format has a position in time")
    axes = "T" if is_time else "ZYX"
    sizes = tuple(size if a in axes else s for a, s in zip(AXES, SIZES, strict=True))
    positions = sizes if what == "position" else (None,) * 4
    positions = (None, *positions[1:])
    image = written(tmp_path / name, sizes, positions)
    for axis in axes:
        i = AXES.index(axis)
        found = (image.pixel_sizes if what == "size" else image.positions)[i]
        same = in_one_unit(found, size)
        assert same is not None
        assert same[0].size == pytest.approx(2.0)


def test_mixed_units_stay_what_they_are(tmp_path: Path) -> None:
    sizes = (None, PixelSize(2000.0, "nm"), PixelSize(0.5, "µm"), PixelSize(5e-4, "mm"))
    for name in FORMATS[:2]:
        image = written(tmp_path / name, sizes, (None,) * 4)
        assert image.spacing == pytest.approx((1.0, 2.0, 0.5, 0.5))


def test_what_png_cannot_hold_is_said(tmp_path: Path) -> None:
    source = ImageFile(LABELS[0, 0], "YX", None, SIZES[2:], "cells")
    with pytest.warns(UserWarning, match="PNG holds no pixel size"):
        write_labels(tmp_path / "a.png", LABELS[0, 0], source=source)


CLASSES = ObjectClasses(
    None, {1: ClassStyle("nuclei", (255, 128, 0)), 2: ClassStyle("stroma", (0, 64, 9))}
)
PLANE = np.repeat([[0, 1, 2]], 16, axis=0).repeat(8, axis=1)


def classes_in_zarr(path: Path) -> dict[str, list[int]]:
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("ome_zarr")
    write_labels(path, PLANE, classes=CLASSES)
    attributes = dict(zarr.open_group(str(path / "labels" / "mmtseg"), mode="r").attrs)
    found = attributes.get("ome", attributes)["image-label"]
    names = {p["label-value"]: p["class"] for p in found["properties"]}
    return {names[c["label-value"]]: c["rgba"][:3] for c in found["colors"]}


def classes_in_geojson(path: Path) -> dict[str, list[int]]:
    write_geojson(path, PLANE, axes="YX", classes=CLASSES)
    found = [f["properties"] for f in json.loads(path.read_text())["features"]]
    return {p["classification"]["name"]: p["classification"]["color"] for p in found}


def classes_in_rois(path: Path) -> dict[str, list[int]]:
    roifile = pytest.importorskip("roifile")
    write_rois(path, PLANE, axes="YX", classes=CLASSES)
    rois = roifile.roiread(path)
    return {roi.name.split()[1]: list(roi.stroke_color[1:]) for roi in rois}


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a.zarr", classes_in_zarr),
        ("a.geojson", classes_in_geojson),
        ("a.zip", classes_in_rois),
    ],
)
def test_names_and_colours_of_classes(
    tmp_path: Path, name: str, read: Callable[[Path], dict[str, list[int]]]
) -> None:
    expected = {"nuclei": [255, 128, 0], "stroma": [0, 64, 9]}
    assert read(tmp_path / name) == expected


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.png"])
def test_that_a_format_holds_no_classes_is_said(tmp_path: Path, name: str) -> None:
    with pytest.warns(UserWarning, match="holds no names and colours of classes"):
        write_labels(tmp_path / name, PLANE, classes=CLASSES)
    assert (tmp_path / name).exists()

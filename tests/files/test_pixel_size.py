from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_mmtseg.files.pixel_size import PixelSize, in_one_unit, unit_symbol
from napari_mmtseg.image_files import read_image
from tests.files.images import PLANES

SPELLINGS = {
    "µm": ["µm", "μm", "um", "micron", "Microns", "micrometer", "micrometres", "UM"],
    "nm": ["nm", "nanometer", "Nanometres"],
    "mm": ["mm", "millimeter", "millimetres"],
    "Å": ["Å", "angstrom", "\u212b"],
    "in": ["in", "inch", "inches"],
    "thou": ["thou", "mil"],
    "Mm": ["Mm", "megameter"],
    "hm": ["hm"],
    "": ["", "pixel", "pixels", "null", "reference frame"],
    "furlong": ["furlong"],
}
CASES = [(word, symbol) for symbol, words in SPELLINGS.items() for word in words]


@pytest.mark.parametrize(("word", "symbol"), CASES)
def test_spellings(word: str, symbol: str) -> None:
    assert unit_symbol(word) == symbol


def test_units_of_one_kind_convert() -> None:
    micrometre = PixelSize(2.0, "µm")
    assert in_one_unit(PixelSize(650, "nm"), micrometre) == (
        pytest.approx((0.65, "µm")),
        micrometre,
    )
    assert in_one_unit(PixelSize(1, "s"), micrometre) is None
    assert in_one_unit(PixelSize(1, ""), micrometre) is None


def write_ome(path: Path, unit: str) -> None:
    metadata = {f"PhysicalSize{a}": s for a, s in zip("ZYX", (4, 2, 3), strict=True)}
    metadata |= {f"PhysicalSize{a}Unit": unit for a in "ZYX"}
    tifffile.imwrite(path, PLANES, ome=True, metadata={"axes": "ZYX", **metadata})


def write_imagej(path: Path, unit: str) -> None:
    unit = unit.replace("µ", r"\u00B5")
    metadata = {"axes": "ZYX", "unit": unit, "spacing": 4.0}
    tifffile.imwrite(
        path, PLANES, imagej=True, resolution=(1 / 3, 0.5), metadata=metadata
    )


def write_zarr(path: Path, unit: str) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(path), mode="w")
    group.create_array("0", shape=PLANES.shape, dtype="u1")
    axes = [{"name": a, "type": "space", "unit": unit} for a in "zyx"]
    change = {"type": "scale", "scale": [4.0, 2.0, 3.0]}
    level = {"path": "0", "coordinateTransformations": [change]}
    group.attrs["multiscales"] = [{"axes": axes, "datasets": [level]}]


WRITERS = {"a.ome.tif": write_ome, "a.tif": write_imagej, "a.zarr": write_zarr}


@pytest.mark.parametrize("unit", ["µm", "um", "micron", "micrometer", "nm", "mm"])
@pytest.mark.parametrize("name", WRITERS)
def test_every_reader_knows_every_spelling(
    tmp_path: Path, name: str, unit: str
) -> None:
    WRITERS[name](tmp_path / name, unit)
    image = read_image(tmp_path / name)
    symbol = unit_symbol(unit)
    assert [s and s.size for s in image.pixel_sizes] == pytest.approx([4, 2, 3])
    assert [s and s.unit for s in image.pixel_sizes] == [symbol] * 3
    assert np.divide(image.spacing, image.spacing[2]) == pytest.approx(
        (4 / 3, 2 / 3, 1)
    )


def test_spacing_of_mixed_units_is_in_micrometres(tmp_path: Path) -> None:
    metadata = {"PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm"}
    metadata |= {f"PhysicalSize{a}": 650.0 for a in "YX"}
    metadata |= {f"PhysicalSize{a}Unit": "nm" for a in "YX"}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, PLANES, ome=True, metadata={"axes": "ZYX", **metadata})
    np.testing.assert_allclose(read_image(path).spacing, (2, 0.65, 0.65))


def test_zarr_scale_without_a_unit_is_kept(tmp_path: Path) -> None:
    write_zarr(tmp_path / "a.zarr", "")
    image = read_image(tmp_path / "a.zarr")
    assert image.pixel_sizes == tuple(PixelSize(s, "") for s in (4.0, 2.0, 3.0))
    assert image.spacing == (4.0, 2.0, 3.0)


def test_every_axis_of_imagej_may_have_a_unit_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "ZYX", "unit": "micron", "zunit": "nm", "spacing": 800.0}
    tifffile.imwrite(path, PLANES, imagej=True, resolution=(2, 2), metadata=metadata)
    assert read_image(path).spacing == pytest.approx((0.8, 0.5, 0.5))


@pytest.mark.parametrize(
    ("times", "expected"),
    [([0.0, 5.0, 10.0], 5.0), ([0.0, 0.0, 0.0], None), ([7.0], None)],
)
def test_time_between_frames_by_the_times_of_planes(
    tmp_path: Path, times: list[float], expected: float | None
) -> None:
    path = tmp_path / "a.ome.tif"
    planes = {"DeltaT": times, "DeltaTUnit": ["ms"] * len(times)}
    metadata = {"axes": "TYX", "Plane": {**planes, "TheT": list(range(len(times)))}}
    tifffile.imwrite(path, PLANES[: len(times)], metadata=metadata)
    found = read_image(path)
    size = found.pixel_size("T") if "T" in found.axes else None
    assert size == (expected and PixelSize(expected, "ms"))

"""Formats of microscopes, with a stand-in for bioio: there is no reader here."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read import ImageFile, read_image

PIXELS = np.arange(2 * 2 * 5 * 6, dtype=np.uint16).reshape(2, 1, 2, 5, 6)


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read a file with a bioio whose images have some attributes."""
    path = tmp_path / "stack.czi"
    path.write_bytes(b"ZISRAWFILE" * 20)

    def read(**attributes: Any) -> ImageFile:
        image = {
            "dask_data": PIXELS,
            "scenes": ("first",),
            "set_scene": lambda number: None,
            "dims": types.SimpleNamespace(order="TCZYX"),
            "physical_pixel_sizes": (2.0, 0.5, 0.5),
            **attributes,
        }
        bioio = types.ModuleType("bioio")
        bioio.BioImage = lambda path: types.SimpleNamespace(**image)
        exceptions = types.ModuleType("bioio_base.exceptions")
        exceptions.UnsupportedFileFormatError = ZeroDivisionError
        monkeypatch.setitem(sys.modules, "bioio", bioio)
        monkeypatch.setitem(sys.modules, "bioio_base", types.ModuleType("bioio_base"))
        monkeypatch.setitem(sys.modules, "bioio_base.exceptions", exceptions)
        return read_image(path)

    return read


def units(**names: Any) -> Any:
    """Return the dimension properties of bioio."""
    both = {a: names.get(a) for a in "TCZYX"}
    return types.SimpleNamespace(
        **{a: types.SimpleNamespace(type=None, unit=unit) for a, unit in both.items()}
    )


def test_without_bioio_its_name_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "stack.czi"
    path.write_bytes(b"ZISRAWFILE" * 20)
    monkeypatch.setitem(sys.modules, "bioio", None)
    with pytest.raises(InputError, match=r"napari-mmtseg\[bioio\]"):
        read_image(path)


def test_pixels_and_axes(read: Any) -> None:
    image = read()
    assert image.axes == "TZYX"
    np.testing.assert_array_equal(np.asarray(image.array), PIXELS[:, 0])


class _Unit:
    """A unit of pint: its text is its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


@pytest.mark.parametrize(
    ("unit", "symbol"),
    [("micrometer", "µm"), ("nanometer", "nm"), ("millimeter", "mm"), ("inch", "in")],
)
def test_units_of_the_reader(read: Any, unit: str, symbol: str) -> None:
    image = read(
        dimension_properties=units(**dict.fromkeys("ZYX", _Unit(unit))),
    )
    assert image.pixel_size("X") == PixelSize(0.5, symbol)
    assert image.pixel_size("Z") == PixelSize(2.0, symbol)
    assert image.spacing_for("micrometres") is not None


def test_a_reader_without_units_leaves_them_unknown(read: Any) -> None:
    for properties in (None, units()):
        image = read(dimension_properties=properties)
        assert image.pixel_size("X") == PixelSize(0.5, "")
        assert image.spacing == (1.0, 2.0, 0.5, 0.5)
        assert image.spacing_for("micrometres") is None


def test_sizes_of_one_without_a_unit_are_none(read: Any) -> None:
    image = read(physical_pixel_sizes=(1.0, 1.0, 1.0), dimension_properties=units())
    assert image.pixel_sizes == (None,) * 4
    image = read(physical_pixel_sizes=(None, None, None))
    assert image.pixel_sizes == (None,) * 4


def test_time_between_frames(read: Any) -> None:
    minutes = units(T=_Unit("minute"))
    image = read(time_interval=1.5, dimension_properties=minutes)
    assert image.pixel_sizes[0] == PixelSize(1.5, "min")
    assert read(time_interval=1.5).pixel_sizes[0] is None

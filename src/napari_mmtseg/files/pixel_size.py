"""The distance between neighbouring pixels, and units of length."""

from __future__ import annotations

from typing import NamedTuple


class PixelSize(NamedTuple):
    """Distance between neighbouring pixels along one axis; "µm" for micrometres."""

    size: float
    unit: str


class _Unit(NamedTuple):
    """A unit of length: its name in OME-Zarr (UDUNITS-2) and its length."""

    name: str
    micrometres: float


UNITS = {
    "km": _Unit("kilometer", 1e9),
    "m": _Unit("meter", 1e6),
    "cm": _Unit("centimeter", 1e4),
    "mm": _Unit("millimeter", 1e3),
    "µm": _Unit("micrometer", 1.0),
    "nm": _Unit("nanometer", 1e-3),
    "pm": _Unit("picometer", 1e-6),
    "Å": _Unit("angstrom", 1e-4),
    "in": _Unit("inch", 25400.0),
    "ft": _Unit("foot", 304800.0),
}
"""Units of length by their symbols, which are those of OME-TIFF."""


def in_one_unit(
    size: PixelSize | None, other: PixelSize | None
) -> tuple[PixelSize, PixelSize] | None:
    """Return both pixel sizes in the unit of the second; None if that is unknown."""
    if size is None or other is None:
        return None
    if size.unit == other.unit:
        return size, other
    if size.unit not in UNITS or other.unit not in UNITS:
        return None
    factor = UNITS[size.unit].micrometres / UNITS[other.unit].micrometres
    return PixelSize(size.size * factor, other.unit), other

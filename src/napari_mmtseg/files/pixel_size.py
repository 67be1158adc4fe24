"""The distance between neighbouring pixels, and units of length and time."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple


class PixelSize(NamedTuple):
    """Distance between neighbouring pixels along one axis; "µm" for micrometres.

    Along T it is the time between frames, "s" for seconds. The unit is "" if a file
    has a size without one. Positions of a first pixel are of this kind, too.
    """

    size: float
    unit: str


class Places(NamedTuple):
    """Pixel sizes, and positions of the first pixel, along every axis."""

    sizes: tuple[PixelSize | None, ...]
    positions: tuple[PixelSize | None, ...]

    @classmethod
    def unknown(cls, n: int) -> Places:
        """Return what is known of `n` axes if a file says nothing."""
        return cls((None,) * n, (None,) * n)


class _Unit(NamedTuple):
    """A unit: its name in OME-Zarr (UDUNITS-2), its size, other usual spellings.

    The size is in micrometres or seconds.
    """

    name: str
    size: float
    others: tuple[str, ...] = ()


UNITS = {
    "Mm": _Unit("megameter", 1e12, ("megametre",)),
    "km": _Unit("kilometer", 1e9, ("kilometre",)),
    "hm": _Unit("hectometer", 1e8, ("hectometre",)),
    "dam": _Unit("decameter", 1e7, ("decametre",)),
    "m": _Unit("meter", 1e6, ("metre",)),
    "dm": _Unit("decimeter", 1e5, ("decimetre",)),
    "cm": _Unit("centimeter", 1e4, ("centimetre",)),
    "mm": _Unit("millimeter", 1e3, ("millimetre",)),
    "µm": _Unit("micrometer", 1.0, ("micrometre", "um", "micron", "mum", "µ")),
    "nm": _Unit("nanometer", 1e-3, ("nanometre",)),
    "pm": _Unit("picometer", 1e-6, ("picometre",)),
    "fm": _Unit("femtometer", 1e-9, ("femtometre",)),
    "Å": _Unit("angstrom", 1e-4, ("ångström", "ångstrom", "ang")),
    "thou": _Unit("thou", 25.4, ("mil",)),
    "pt": _Unit("point", 25400.0 / 72),
    "in": _Unit("inch", 25400.0, ("inches", '"')),
    "ft": _Unit("foot", 304800.0, ("feet",)),
    "yd": _Unit("yard", 914400.0),
    "mi": _Unit("mile", 1609344e3),
}
"""Units of length by their symbols, which are those of OME-TIFF."""

TIMES = {
    "ns": _Unit("nanosecond", 1e-9, ("nsec",)),
    "µs": _Unit("microsecond", 1e-6, ("us", "usec")),
    "ms": _Unit("millisecond", 1e-3, ("msec",)),
    "s": _Unit("second", 1.0, ("sec",)),
    "min": _Unit("minute", 60.0),
    "h": _Unit("hour", 3600.0, ("hr",)),
    "d": _Unit("day", 86400.0),
}
"""Units of time by their symbols, which are those of OME-TIFF."""

_PIXELS = ("pixel", "pixels", "px", "voxel", "voxels")
_NO_UNITS = ("", *_PIXELS, "none", "null", "reference frame", "a.u")


def _spellings() -> dict[str, str]:
    found: dict[str, str] = {}
    for symbol, unit in (UNITS | TIMES).items():
        for word in (symbol, unit.name, *unit.others):
            found[word] = symbol
            if len(word) > 2:
                found[word + "s"] = symbol
    return found


_SYMBOLS = _spellings()


def unit_symbol(text: Any) -> str:
    """Return the symbol of a unit in any usual spelling, "" for no unit.

    A word that is no known unit stays as it is.
    """
    if not isinstance(text, str):
        return ""
    # ImageJ spells what is not ASCII like Java does, and U+03BC is another micro sign.
    word = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)
    word = word.replace("\u03bc", "µ").replace("\u212b", "Å").replace("Â", "")
    word = word.strip().strip("\0").strip()
    lower = word.lower().rstrip(".")
    if lower in _NO_UNITS:
        return ""
    return _SYMBOLS.get(word) or _SYMBOLS.get(lower) or word


def stated_size(size: Any, unit: Any) -> PixelSize | None:
    """Return the pixel size that a file states; None if that is not a size.

    Raises nothing, whatever the file holds.
    """
    if isinstance(unit, str) and unit.strip().lower() in _PIXELS:
        return None
    found = stated_position(size, unit)
    return found if found is not None and found.size > 0 else None


def stated_position(place: Any, unit: Any) -> PixelSize | None:
    """Return a position that a file states; None if that is not a finite number."""
    try:
        number = float(place)
    except (TypeError, ValueError):
        return None
    return PixelSize(number, unit_symbol(unit)) if math.isfinite(number) else None


_FINEST_PRINT = 10.0
"""Micrometres between the points of printers, which have at most 2540 per inch."""


def size_of_resolution(step: float, unit: str) -> PixelSize | None:
    """Return the pixel size that a picture's resolution states; None if it is no size.

    `step` is in the `unit`. Per centimetre it comes from microscopes; per inch it is
    for printing, unless it is finer than that.
    """
    size = stated_size(step * UNITS[unit].size, "µm")
    is_for_print = unit == "in" and size is not None and size.size >= _FINEST_PRINT
    return None if is_for_print else size


def in_one_unit(
    size: PixelSize | None, other: PixelSize | None
) -> tuple[PixelSize, PixelSize] | None:
    """Return both pixel sizes in the unit of the second; None if that is unknown."""
    if size is None or other is None:
        return None
    if size.unit == other.unit:
        return size, other
    for table in (UNITS, TIMES):
        if size.unit in table and other.unit in table:
            factor = table[size.unit].size / table[other.unit].size
            return PixelSize(size.size * factor, other.unit), other
    return None

"""The distance between neighbouring pixels."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PixelSize"]


class PixelSize(NamedTuple):
    """Distance between neighbouring pixels along one axis.

    Attributes
    ----------
    size : float
        Number of units.
    unit : str
        Unit of length, "µm" for micrometres.
    """

    size: float
    unit: str

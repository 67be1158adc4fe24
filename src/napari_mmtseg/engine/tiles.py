"""Dividing an image into tiles that overlap by what a prediction depends on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Tile", "tiles"]

Slices = tuple[slice, slice]


@dataclass(frozen=True)
class Tile:
    """One tile.

    Attributes
    ----------
    core : tuple of slice
        The pixels of the image that the tile is for.
    around : tuple of slice
        The same with the halo, as far as the image goes.
    inner : tuple of slice
        The core within the halo.
    """

    core: Slices
    around: Slices
    inner: Slices


def tiles(shape: tuple[int, ...], side: int, halo: int) -> Iterator[Tile]:
    """Yield the tiles of an image (Y, X), `side` pixels wide and `halo` around."""
    for y in range(0, shape[0], side):
        for x in range(0, shape[1], side):
            core, around, inner = [], [], []
            for start, n in ((y, shape[0]), (x, shape[1])):
                stop = min(start + side, n)
                low, high = max(start - halo, 0), min(stop + halo, n)
                core.append(slice(start, stop))
                around.append(slice(low, high))
                inner.append(slice(start - low, stop - low))
            yield Tile((core[0], core[1]), (around[0], around[1]), (inner[0], inner[1]))

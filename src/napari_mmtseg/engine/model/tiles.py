"""Tiles of an image that overlap by the pixels that a prediction depends on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Tile:
    """The pixels of an image that a tile is for (`core`), and those around them.

    `around` is the core with the halo, as far as the image goes, `inner` the core
    within it, and `halo` its width along every axis, inside of the image.
    """

    core: Slices
    around: Slices
    inner: Slices
    halo: tuple[int, ...]


def tiles(
    shape: Sequence[int],
    side: int | Sequence[int],
    halo: int | Sequence[int],
    within: Slices | None = None,
) -> Iterator[Tile]:
    """Yield the tiles of an image, `side` pixels wide and with `halo` around.

    Both are for all axes, or for each. With `within`, only that part is divided.
    """
    n = len(shape)
    sides = [side] * n if isinstance(side, int) else list(side)
    halos = [halo] * n if isinstance(halo, int) else list(halo)
    if within is None:
        within = tuple(slice(0, length) for length in shape)
    starts = (range(w.start, w.stop, s) for w, s in zip(within, sides, strict=True))
    for corner in product(*starts):
        core, around, inner = [], [], []
        for axis, start in enumerate(corner):
            stop = min(start + sides[axis], within[axis].stop)
            low = max(start - halos[axis], 0)
            core.append(slice(start, stop))
            around.append(slice(low, min(stop + halos[axis], shape[axis])))
            inner.append(slice(start - low, stop - low))
        yield Tile(tuple(core), tuple(around), tuple(inner), tuple(halos))

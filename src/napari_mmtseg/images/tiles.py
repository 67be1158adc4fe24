"""Tiles of an image that overlap by the pixels that a prediction depends on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Tile:
    """Pixels of an image that a tile is for (`core`), and the halo around them.

    `around` includes the halo, as far as the image goes; `halo` is its width along
    every axis, inside of the image.
    """

    core: Slices
    around: Slices
    halo: tuple[int, ...]

    @property
    def inner(self) -> Slices:
        """The core, counted from the start of `around`."""
        return relative_to(self.around, self.core)


def relative_to(frame: Slices, window: Slices) -> Slices:
    """Return a window counted from the start of a frame around it."""
    return tuple(
        slice(w.start - f.start, w.stop - f.start)
        for w, f in zip(window, frame, strict=True)
    )


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
        core, around = [], []
        for axis, start in enumerate(corner):
            stop = min(start + sides[axis], within[axis].stop)
            core.append(slice(start, stop))
            low, high = start - halos[axis], stop + halos[axis]
            around.append(slice(max(low, 0), min(high, shape[axis])))
        yield Tile(tuple(core), tuple(around), tuple(halos))

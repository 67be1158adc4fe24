"""Objects of a large image, tile by tile, without a cut where tiles meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.objects.union import Union

TILE = 2048
"""Side of a tile in Y and X."""

_SAME = 0.5
"""Share of the smaller of two objects beside a border that has to be in both."""

Window = tuple[slice, ...]
Work = Callable[[Window], NDArray[np.int32]]


@dataclass(frozen=True)
class _Tile:
    """A tile by its place in the grid: what it is for, and what is looked at for it."""

    place: tuple[int, int]
    core: Window
    seen: Window


def tiles_of(
    shape: Sequence[int], reach: Sequence[int], side: int = TILE
) -> list[_Tile]:
    """Return the tiles of a plane (Y, X) or a volume (Z, Y, X), row by row."""
    lead = tuple(slice(0, n) for n in shape[:-2])
    found = []
    height, width = (range(-(-n // side)) for n in shape[-2:])
    for place in product(height, width):
        core, seen = [], []
        for i, n, halo in zip(place, shape[-2:], reach[-2:], strict=True):
            start, stop = i * side, min((i + 1) * side, n)
            core.append(slice(start, stop))
            seen.append(slice(max(start - halo, 0), min(stop + halo, n)))
        found.append(_Tile(place, (*lead, *core), (*lead, *seen)))
    return found


def objects_in_tiles(
    shape: Sequence[int],
    reach: Sequence[int],
    work: Work,
    out: NDArray[Any],
    side: int = TILE,
) -> Iterator[float]:
    """Write the objects of a plane or volume to an array; yield the finished fraction.

    Each tile is worked on with a halo. What two neighbours find around the border
    between them is compared there: objects that cross it, and that are the same for
    both, get one number.

    Parameters
    ----------
    shape : sequence of int
        (Y, X) or (Z, Y, X), also of `out`.
    reach : sequence of int
        Halo in pixels along every axis.
    work : callable
        Returns the objects of a window, numbered from 1.
    out : array of int
        Anything that takes slices. Numbers have gaps.
    side : int
        Side of a tile.
    """
    tiles = tiles_of(shape, reach, side)
    union, n = Union(1), 0
    before: dict[tuple[int, int], tuple[_Tile, NDArray[np.int32]]] = {}
    for done, tile in enumerate(tiles):
        found = work(tile.seen)
        found = np.where(found > 0, found + n, 0)
        n = max(n, int(found.max(initial=0)))
        union.extend(n + 1)
        out[tile.core] = found[_within(tile.seen, tile.core)]
        row, column = tile.place
        for axis, place in ((-2, (row - 1, column)), (-1, (row, column - 1))):
            if place in before:
                for pair in _same(*before[place], tile, found, axis):
                    union.join(*pair)
        before[tile.place] = tile, found
        before.pop((row - 1, column), None)
        yield 0.8 * (done + 1) / len(tiles)
    numbers = union.numbers()
    for done, tile in enumerate(tiles):
        out[tile.core] = numbers[np.asarray(out[tile.core])]
        yield 0.8 + 0.2 * (done + 1) / len(tiles)


def _same(
    tile: _Tile, found: NDArray[Any], next_: _Tile, found_next: NDArray[Any], axis: int
) -> list[tuple[int, int]]:
    """Return the objects of neighbouring tiles that are one on both sides."""
    border = next_.core[axis].start
    # Along the border beyond the tile, too: a sliver of an object tells little.
    zone = list(tile.seen)
    zone[axis] = slice(next_.seen[axis].start, tile.seen[axis].stop)
    first = found[_within(tile.seen, zone)]
    second = found_next[_within(next_.seen, zone)]
    last, next_one = list(tile.core), list(tile.core)
    last[axis], next_one[axis] = slice(border - 1, border), slice(border, border + 1)
    ends = np.unique(found[_within(tile.seen, last)])
    starts = np.unique(found_next[_within(next_.seen, next_one)])
    both = (first > 0) & (second > 0)
    if not both.any():
        return []
    pairs, shared = np.unique(
        np.stack([first[both], second[both]]), axis=1, return_counts=True
    )
    sizes = dict(zip(*np.unique(first, return_counts=True), strict=True))
    sizes |= dict(zip(*np.unique(second, return_counts=True), strict=True))
    return [
        (int(a), int(b))
        for (a, b), n in zip(pairs.T, shared, strict=True)
        if a in ends and b in starts and n > _SAME * min(sizes[a], sizes[b])
    ]


def _within(seen: Window, part: Sequence[slice]) -> Window:
    pairs = zip(seen, part, strict=True)
    return tuple(slice(p.start - s.start, p.stop - s.start) for s, p in pairs)

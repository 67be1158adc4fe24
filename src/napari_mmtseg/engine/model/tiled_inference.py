"""Functions of an image tile by tile, in smaller tiles once memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError, failures_in_words, is_out_of_memory
from napari_mmtseg.images.tiles import Tile
from napari_mmtseg.notices import warn

TileFunction = Callable[[NDArray[np.float32]], NDArray[Any]]

_SMALLEST = 64
"""Side in pixels below which a tile is not divided any more."""


def predict_tiles(
    image: Any, parts: Sequence[Tile], function: TileFunction
) -> Iterator[tuple[Tile, NDArray[Any]]]:
    """Yield tiles of an image and a function's values there, without the halo.

    `image` (C, [Z,] Y, X) has ``shape`` and slicing; one tile is read at a time. If
    memory runs out, this tile and all later ones are halved, with a warning.
    """
    largest: int | None = None
    waiting = list(reversed(parts))
    while waiting:
        tile = waiting.pop()
        if largest is not None and _n_pixels(tile) > largest:
            waiting.extend(reversed(_halves(tile, image.shape[1:])))
            continue
        try:
            with failures_in_words():
                values = function(image[(slice(None), *tile.around)])
        except InputError as error:
            is_full = is_out_of_memory(error.__cause__)
            if not is_full or _n_pixels(tile) <= _SMALLEST**2:
                raise
            largest = _n_pixels(tile) // 2
        else:
            yield tile, values[(slice(None), *tile.inner)]
            continue
        # Outside of the handler, so that the error no longer holds on to the tile.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        warn(
            "Memory ran out: the image is labelled in smaller tiles from here on, of "
            f"{largest} pixels at most. The labels stay the same."
        )
        waiting.append(tile)


def _halves(tile: Tile, shape: Sequence[int]) -> list[Tile]:
    """Divide a tile across its longest axis."""
    axis = max(
        range(len(tile.core)), key=lambda a: tile.core[a].stop - tile.core[a].start
    )
    start, stop, halo = tile.core[axis].start, tile.core[axis].stop, tile.halo[axis]
    middle = (start + stop) // 2
    halves = []
    for first, last in ((start, middle), (middle, stop)):
        core, around = list(tile.core), list(tile.around)
        core[axis] = slice(first, last)
        around[axis] = slice(max(first - halo, 0), min(last + halo, shape[axis]))
        halves.append(Tile(tuple(core), tuple(around), tile.halo))
    return halves


def _n_pixels(tile: Tile) -> int:
    return int(np.prod([s.stop - s.start for s in tile.core]))

"""Parts of arrays that are read on access, and chunks that are read once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CAPACITY = 2**28
"""Bytes of chunks that are kept."""

_WIDEST = 2
"""How many times wider than asked for a block may be, to be a whole chunk."""

Cell = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ArrayPart:
    """Part of an array with its axes in any order; read when it is indexed.

    `array` has ``shape``, ``dtype`` and slicing: numpy, memmap, dask, zarr. `index` has
    an entry for each axis; those with a whole number are dropped. `order` says which of
    the other axes comes first, second and so on.
    """

    array: Any
    index: tuple[int | slice, ...]
    order: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return tuple(len(self._positions(axis)) for axis in self._axes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the array."""
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._axes)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...] | None:
        """Lengths of the chunks along every axis, in dask's notation."""
        edges = chunk_edges(self.array)
        if edges is None:
            return None
        lengths = []
        for axis in self._axes:
            taken = self._positions(axis)
            if taken.step != 1:
                return None
            last = max(taken.stop, taken.start)
            inside = np.unique(np.clip(edges[axis], taken.start, last))
            lengths.append(tuple(int(length) for length in np.diff(inside)))
        return tuple(lengths)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read what a key of slices and whole numbers selects."""
        index, left = list(self.index), []
        for axis, asked in zip(self._axes, for_all_axes(key, self.ndim), strict=True):
            found = self._positions(axis)[asked]
            if isinstance(found, range):
                left.append(axis)
                index[axis] = slice(found.start, found.stop, found.step)
            else:
                index[axis] = found
        values = np.asarray(self.array[tuple(index)])
        return values.transpose(np.argsort(np.argsort(left)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it."""
        return np.array(self[()], dtype) if copy else np.asarray(self[()], dtype)

    @property
    def _axes(self) -> list[int]:
        kept = [axis for axis, i in enumerate(self.index) if isinstance(i, slice)]
        return [kept[i] for i in self.order] or kept

    def _positions(self, axis: int) -> range:
        taken = self.index[axis]
        assert isinstance(taken, slice)
        return range(*taken.indices(int(self.array.shape[axis])))


def for_all_axes(key: Any, n: int) -> list[Any]:
    """Return a key of slices, whole numbers and an ellipsis as one for each axis."""
    given = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis not in given:
        given.append(Ellipsis)
    place = given.index(Ellipsis)
    given[place : place + 1] = [slice(None)] * (n - len(given) + 1)
    return given


def chunk_edges(array: Any) -> list[NDArray[np.intp]] | None:
    """Return the edges of chunks, from 0 on, along every axis; None without chunks.

    `array` is a dask array, or one with ``shards`` or ``chunks`` as zarr has them.
    """
    chunks = getattr(array, "shards", None) or getattr(array, "chunks", None)
    if not isinstance(chunks, tuple) or len(chunks) != len(array.shape):
        return None
    edges = []
    for n, lengths in zip(array.shape, chunks, strict=True):
        if isinstance(lengths, (int, np.integer)):
            steps = np.arange(0, int(n), max(int(lengths), 1))
            edges.append(np.append(steps, int(n)))
        else:
            edges.append(np.concatenate([[0], np.cumsum(lengths)]))
    return [np.asarray(e, np.intp) for e in edges]


def block_sides(
    shape: Sequence[int], units: Sequence[Sequence[int] | None], side: int, halo: int
) -> list[int]:
    """Return the sides of blocks of whole chunks, about as large as `side`.

    `units` has the chunk lengths of all arrays that are read or written, along every
    axis of `shape`. `halo` is the number of pixels that are read around a block.
    """
    common = []
    for axis, n in enumerate(shape):
        lengths = [min(unit[axis], n) for unit in units if unit is not None] or [1]
        unit = lcm(*lengths)
        common.append(unit if unit <= _WIDEST * side else max(lengths))
    sides = [
        u * max(side // u, 1) if u <= _WIDEST * side else min(side, n)
        for u, n in zip(common, shape, strict=True)
    ]
    long = [axis for axis, unit in enumerate(common) if unit > _WIDEST * side]
    if len(shape) == 2 and len(long) == 1:
        # Stored in strips: whole strips, if blocks do not become mere halo.
        across = 1 - long[0]
        rows = side * side // shape[long[0]] // common[across] * common[across]
        if rows >= 4 * halo:
            sides[long[0]], sides[across] = shape[long[0]], rows
    return sides


class ChunkCache:
    """Array whose chunks are read, or computed, once if neighbouring parts share them.

    The chunks used last are kept, up to `capacity` bytes; `edges` are those of
    :func:`chunk_edges`. zarr's cache keeps encoded bytes; dask's may drop any chunk.
    """

    def __init__(
        self,
        array: Any,
        edges: list[NDArray[np.intp]],
        capacity: int = _CAPACITY,
    ) -> None:
        self._array = array
        self._edges = edges
        self._capacity = capacity
        self._kept: OrderedDict[Cell, NDArray[Any]] = OrderedDict()
        self.shape: tuple[int, ...] = tuple(int(n) for n in array.shape)
        self.dtype: np.dtype[Any] = np.dtype(array.dtype)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Read a part: a whole number or a slice with step 1 for every axis."""
        ranges = [
            range(*i.indices(n)) if isinstance(i, slice) else range(int(i), int(i) + 1)
            for i, n in zip(index, self.shape, strict=True)
        ]
        cells = [
            range(
                int(np.searchsorted(e, r.start, "right")) - 1,
                int(np.searchsorted(e, r.stop, "left")),
            )
            for e, r in zip(self._edges, ranges, strict=True)
        ]
        used = list(product(*cells))
        n_bytes = self._size(used[0]) * len(used) if used else 0
        if 0 in map(len, ranges) or n_bytes > self._capacity:
            return np.asarray(self._array[tuple(index)])
        self._read([cell for cell in used if cell not in self._kept])
        part = np.empty([len(r) for r in ranges], self.dtype)
        for cell in used:
            self._kept.move_to_end(cell)
            here, there = [], []
            for r, span in zip(ranges, self._spans(cell), strict=True):
                first, last = max(r.start, span.start), min(r.stop, span.stop)
                here.append(slice(first - r.start, last - r.start))
                there.append(slice(first - span.start, last - span.start))
            part[tuple(here)] = self._kept[cell][tuple(there)]
        self._forget()
        kept_axes = tuple(slice(None) if isinstance(i, slice) else 0 for i in index)
        return part[kept_axes]

    def _read(self, cells: list[Cell]) -> None:
        """Read chunks, those that form a box at once."""
        if not cells:
            return
        low, high = np.min(cells, axis=0), np.max(cells, axis=0) + 1
        if np.prod(high - low) == len(cells):
            box = tuple(
                slice(int(e[first]), int(e[last]))
                for e, first, last in zip(self._edges, low, high, strict=True)
            )
            groups = [(cells, box)]
        else:
            groups = [([cell], self._spans(cell)) for cell in cells]
        for group, box in groups:
            pixels = np.asarray(self._array[box])
            for cell in group:
                inside = tuple(
                    slice(span.start - b.start, span.stop - b.start)
                    for span, b in zip(self._spans(cell), box, strict=True)
                )
                self._kept[cell] = pixels[inside].copy()

    def _forget(self) -> None:
        n_bytes = sum(chunk.nbytes for chunk in self._kept.values())
        while n_bytes > self._capacity:
            _, chunk = self._kept.popitem(last=False)
            n_bytes -= chunk.nbytes

    def _spans(self, cell: Cell) -> tuple[slice, ...]:
        return tuple(
            slice(int(e[i]), int(e[i + 1]))
            for e, i in zip(self._edges, cell, strict=True)
        )

    def _size(self, cell: Cell) -> int:
        lengths = [span.stop - span.start for span in self._spans(cell)]
        return int(np.prod(lengths, dtype=np.int64)) * self.dtype.itemsize

"""Arrays seen in another way: what is not asked for is not read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.chunked_arrays import chunk_edges

__all__ = ["ArrayPart", "Reordered"]


@dataclass(frozen=True, eq=False)
class _Seen(ABC):
    """What another way of seeing an array has in common with any other."""

    array: Any

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]: ...

    @abstractmethod
    def __getitem__(self, key: Any) -> NDArray[Any]: ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the array."""
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it."""
        return np.array(self[()], dtype) if copy else np.asarray(self[()], dtype)


@dataclass(frozen=True, eq=False)
class ArrayPart(_Seen):
    """What an index takes of an array, without taking it yet.

    Attributes
    ----------
    array : array-like
        With ``shape``, ``dtype`` and slicing: numpy, memmap, dask, zarr.
    index : tuple of int or slice
        One for every axis of `array`.
    """

    index: tuple[int | slice, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis that is left."""
        return tuple(len(positions) for positions in self._kept())

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...] | None:
        """Lengths of the chunks along every axis that is left, as dask has them."""
        edges = chunk_edges(self.array)
        if edges is None:
            return None
        lengths = []
        for edge, taken, n in zip(edges, self.index, self.array.shape, strict=True):
            if not isinstance(taken, slice):
                continue
            first, last, step = taken.indices(int(n))
            if step != 1:
                return None
            inside = np.unique(np.clip(edge, first, max(last, first)))
            lengths.append(tuple(int(length) for length in np.diff(inside)))
        return tuple(lengths)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read what a key of slices and whole numbers takes of the part."""
        asked = iter(key if isinstance(key, tuple) else (key,))
        kept = iter(self._kept())
        index: list[int | slice] = []
        for taken in self.index:
            if not isinstance(taken, slice):
                index.append(taken)
                continue
            found = next(kept)[next(asked, slice(None))]
            if isinstance(found, range):
                index.append(slice(found.start, found.stop, found.step))
            else:
                index.append(found)
        return np.asarray(self.array[tuple(index)])

    def _kept(self) -> Sequence[range]:
        return [
            range(*taken.indices(int(n)))
            for taken, n in zip(self.index, self.array.shape, strict=True)
            if isinstance(taken, slice)
        ]


@dataclass(frozen=True, eq=False)
class Reordered(_Seen):
    """An array with its axes in another order, without moving or reading anything.

    Attributes
    ----------
    array : array-like
        As of :class:`ArrayPart`.
    order : tuple of int
        Which of its axes comes first, second and so on.
    """

    order: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return tuple(int(self.array.shape[axis]) for axis in self.order)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...] | None:
        """Lengths of the chunks along every axis, as dask has them."""
        edges = chunk_edges(self.array)
        if edges is None:
            return None
        return tuple(tuple(int(n) for n in np.diff(edges[i])) for i in self.order)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read what a key of slices and whole numbers takes."""
        of_axis = dict(zip(self.order, _for_all_axes(key, self.ndim), strict=True))
        values = np.asarray(self.array[tuple(of_axis[i] for i in range(self.ndim))])
        left = [axis for axis in self.order if isinstance(of_axis[axis], slice)]
        return values.transpose(np.argsort(np.argsort(left)))


def _for_all_axes(key: Any, n: int) -> list[Any]:
    given = list(key) if isinstance(key, tuple) else [key]
    missing = [slice(None)] * (n - len(given))
    if Ellipsis in given:
        place = given.index(Ellipsis)
        given[place : place + 1] = [*missing, slice(None)]
        return given
    return given + missing

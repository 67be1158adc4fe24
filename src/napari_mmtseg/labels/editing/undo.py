"""Differences of labels, packed small enough for a long undo history."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import DTypeLike, NDArray

_LEVEL = 1
_MAX_PAIRS = 2**22
"""Largest table of (old, new) values; edits with larger values are packed plainly."""

Labels = NDArray[Any]
Index = tuple[slice, ...]


class _Codes:
    """Integers that another thread compresses soon."""

    def __init__(self, codes: Labels) -> None:
        self._raw: Labels | None = codes
        self._packed = b""
        self._dtype = codes.dtype
        self._done = _compressor().submit(self._compress)

    def unpacked(self) -> Labels:
        raw = self._raw
        if raw is None:
            packed = bytes(imagecodecs.zstd_decode(self._packed))
            raw = np.frombuffer(packed, self._dtype)
        return raw.ravel()

    @property
    def nbytes(self) -> int:
        self._done.result()
        return len(self._packed)

    def _compress(self) -> None:
        assert self._raw is not None
        lowest, highest = self._raw.min(), self._raw.max()
        self._dtype = np.promote_types(*map(np.min_scalar_type, (lowest, highest)))
        codes = self._raw.astype(self._dtype).tobytes()
        self._packed = bytes(imagecodecs.zstd_encode(codes, level=_LEVEL))
        self._raw = None  # in this order, so that a reader finds one of them


@cache
def _compressor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="pack labels")


class PackedLabels:
    """Compressed labels that NumPy unpacks wherever it takes an array.

    `codes` are indices into `values`, or the labels themselves if that is None.
    """

    def __init__(
        self,
        codes: _Codes,
        values: Labels | None,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        self._codes = codes
        self._values = values
        self.shape = shape
        self.dtype = dtype

    @classmethod
    def pack(cls, labels: Labels) -> PackedLabels:
        """Compress labels soon in another thread; until then they must not change."""
        return cls(_Codes(labels), None, labels.shape, labels.dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of the compressed codes; waits for them."""
        return self._codes.nbytes

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> Labels:
        """Return the labels as a new array, in a small type unless `dtype` is given.

        Fast, as an undo unpacks while the window waits.
        """
        codes = self._codes.unpacked()
        values = self._values
        if values is None:
            labels = codes
        elif codes.dtype == values.dtype == np.uint8:
            table = values.tobytes().ljust(256, b"\0")
            labels = np.frombuffer(codes.tobytes().translate(table), np.uint8)
        else:
            labels = values[codes]
        labels = labels.reshape(self.shape)
        return labels if dtype is None else labels.astype(dtype)


@dataclass(frozen=True)
class LabelEdit:
    """The difference between labels before and after an edit, in their bounding box.

    `before` and `after` are `old` and `new`, packed for the undo history.
    """

    index: Index
    old: Labels = field(repr=False)
    new: Labels = field(repr=False)
    before: PackedLabels = field(repr=False)
    after: PackedLabels = field(repr=False)
    n_changed: int

    @classmethod
    def between(
        cls, old: Labels, new: Labels, origin: Index | None = None
    ) -> LabelEdit | None:
        """Compare labels before and after; return None if they are equal.

        `new` takes the dtype of `old`; `origin` is their position in the whole array.
        """
        changed = old != new
        n_changed = int(np.count_nonzero(changed))
        if not n_changed:
            return None
        box = _bounding_box(changed)
        old, new = old[box].copy(), new[box].astype(old.dtype)
        before, after = _pack(old, new)
        starts = [s.start or 0 for s in origin] if origin else [0] * old.ndim
        index = tuple(
            slice(start + s.start, start + s.stop)
            for start, s in zip(starts, box, strict=True)
        )
        return cls(index, old, new, before, after, n_changed)


def _bounding_box(mask: NDArray[np.bool_]) -> Index:
    box = []
    for axis in range(mask.ndim):
        others = tuple(i for i in range(mask.ndim) if i != axis)
        along = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(along[0]), int(along[-1]) + 1))
    return tuple(box)


def _pack(old: Labels, new: Labels) -> tuple[PackedLabels, PackedLabels]:
    lowest = int(min(old.min(), new.min()))
    n = int(max(old.max(), new.max())) - lowest + 1
    if n * n > _MAX_PAIRS:
        return PackedLabels.pack(old), PackedLabels.pack(new)
    narrow = np.min_scalar_type(n * n - 1)
    pair = (old - lowest).astype(narrow)
    pair *= narrow.type(n)
    pair += (new - lowest).astype(narrow)
    used = np.zeros(n * n, bool)
    used[pair] = True
    found = np.flatnonzero(used)
    lookup = np.zeros(n * n, np.min_scalar_type(len(found) - 1))
    lookup[found] = np.arange(len(found))
    # One array of codes serves both directions.
    codes = _Codes(lookup[pair])
    small = np.uint8 if lowest >= 0 and lowest + n <= 256 else old.dtype
    first, second = ((v + lowest).astype(small) for v in np.divmod(found, n))
    return (
        PackedLabels(codes, first, old.shape, old.dtype),
        PackedLabels(codes, second, old.shape, old.dtype),
    )

"""What an edit changes in labels, packed small enough for a long undo history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["LabelEdit", "PackedLabels"]

_LEVEL = 1
_MAX_PAIRS = 2**22
"""Largest table of (old, new) values; edits with larger values are packed plainly."""

Labels = NDArray[Any]
Index = tuple[slice, ...]


@dataclass(frozen=True)
class PackedLabels:
    """Compressed labels that NumPy unpacks wherever it takes an array.

    Attributes
    ----------
    codes : bytes
        Index of every pixel into `values`, compressed.
    code_dtype : dtype
        Of the codes.
    values : ndarray or None
        Label of every code; without it the codes are the labels.
    shape : tuple of int
        Of the labels.
    dtype : dtype
        Of the labels.
    """

    codes: bytes = field(repr=False)
    code_dtype: np.dtype[Any]
    values: Labels | None = field(repr=False)
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Bytes of the compressed codes."""
        return len(self.codes)

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> Labels:
        """Return the labels as a new array, without `dtype` in a type that is small.

        The window stands still meanwhile: an undo unpacks.
        """
        codes = bytes(imagecodecs.zstd_decode(self.codes))
        if self.values is None:
            labels = np.frombuffer(codes, self.code_dtype)
        elif self.code_dtype == np.uint8 and self.values.dtype == np.uint8:
            table = self.values.tobytes().ljust(256, b"\0")
            labels = np.frombuffer(codes.translate(table), np.uint8)  # fastest
        else:
            labels = self.values[np.frombuffer(codes, self.code_dtype)]
        labels = labels.reshape(self.shape)
        return labels if dtype is None else labels.astype(dtype)


@dataclass(frozen=True)
class LabelEdit:
    """The difference between labels before and after an edit, in their bounding box.

    Attributes
    ----------
    index : tuple of slice
        The box.
    old, new : ndarray
        Labels in the box.
    before, after : PackedLabels
        The same, packed: what an undo history keeps.
    n_changed : int
        Number of pixels that change.
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
        """Compare labels before and after; None if nothing changes.

        Parameters
        ----------
        old, new : ndarray of int
            Labels of the same shape; `new` takes the dtype of `old`.
        origin : tuple of slice, optional
            Where in the whole array they lie, with a start in every axis.
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
        return _pack_plainly(old), _pack_plainly(new)
    pair = (old.astype(np.int32) - lowest) * n + (new.astype(np.int32) - lowest)
    found = np.flatnonzero(np.bincount(pair.ravel(), minlength=n * n))
    code_dtype = np.min_scalar_type(len(found) - 1)
    lookup = np.zeros(n * n, code_dtype)
    lookup[found] = np.arange(len(found))
    # One array of codes serves both directions.
    codes = _compress(lookup[pair])
    small = np.uint8 if lowest >= 0 and lowest + n <= 256 else old.dtype
    first, second = (found // n + lowest, found % n + lowest)
    return (
        PackedLabels(codes, code_dtype, first.astype(small), old.shape, old.dtype),
        PackedLabels(codes, code_dtype, second.astype(small), old.shape, old.dtype),
    )


def _pack_plainly(labels: Labels) -> PackedLabels:
    lowest, highest = int(labels.min()), int(labels.max())
    code_dtype = np.promote_types(
        np.min_scalar_type(lowest), np.min_scalar_type(highest)
    )
    codes = _compress(labels.astype(code_dtype))
    return PackedLabels(codes, code_dtype, None, labels.shape, labels.dtype)


def _compress(codes: Labels) -> bytes:
    return bytes(imagecodecs.zstd_encode(codes.tobytes(), level=_LEVEL))

"""One slice or volume of a stack, read piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError

__all__ = ["LARGE", "Frame"]

LARGE = 2**24
"""Pixels up to which a frame is looked at as a whole."""


@dataclass(frozen=True, eq=False)
class Frame:
    """What is segmented at once: one slice, or one volume, of a stack.

    Nothing is read before it is asked for.

    Attributes
    ----------
    array : array-like
        The whole stack.
    index : tuple of int or slice
        What of it the frame is.
    order : tuple of int
        Order of the axes that are left, the channels first.
    n_channels : int
        Channels that are used, or 0 where there is no axis of channels.
    """

    array: Any
    index: tuple[int | slice, ...]
    order: tuple[int, ...]
    n_channels: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the pixels."""
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis, (C, Y, X) or (C, Z, Y, X)."""
        kept = [
            len(range(*i.indices(int(n))))
            for i, n in zip(self.index, self.array.shape, strict=True)
            if isinstance(i, slice)
        ]
        ordered = [kept[i] for i in self.order]
        if self.n_channels:
            return (self.n_channels, *ordered[1:])
        return (1, *ordered)

    @property
    def n_pixels(self) -> int:
        """Number of pixels, whatever the channels."""
        return int(np.prod(self.shape[1:], dtype=np.int64))

    @property
    def is_large(self) -> bool:
        """Whether it is labelled in tiles, every pixel by its own response."""
        return self.n_pixels > LARGE

    def __getitem__(self, window: tuple[slice, ...]) -> NDArray[Any]:
        """Read a part, with a slice for every axis of :attr:`shape`.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        channels, *spatial = window
        if self.n_channels:
            first, last, _ = channels.indices(self.n_channels)
            spatial = [slice(first, last), *spatial]
        kept = iter(np.argsort(self.order))
        index = tuple(
            spatial[next(kept)] if isinstance(i, slice) else i for i in self.index
        )
        part = self._read(index).transpose(self.order)
        return part if self.n_channels else part[np.newaxis][channels]

    def _read(self, index: tuple[int | slice, ...]) -> NDArray[Any]:
        try:
            return np.asarray(self.array[index])
        except (MemoryError, InputError):
            raise
        except Exception as error:  # every format has its own
            at = [i for i in self.index if not isinstance(i, slice)]
            slice_ = f"The slice {', '.join(map(str, at))}" if at else "A part"
            raise InputError(
                f"{slice_} of the image cannot be read "
                f"({type(error).__name__}: {error})."
            ) from error

    def read(self) -> NDArray[Any]:
        """Read all of it, (C, Y, X) or (C, Z, Y, X)."""
        return self[(slice(None),) * len(self.shape)]

"""Some channels of an image, by number; the others are never read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.channel_numbers import check_numbers
from napari_mmtseg.images.lazy import chunk_edges, for_all_axes
from napari_mmtseg.images.stack import Frame, ImageStack


@dataclass(frozen=True)
class PickedChannels:
    """Numbers of some channels of an image, from 0, and how many it has."""

    numbers: tuple[int, ...]
    n_all: int

    def __post_init__(self) -> None:
        numbers = check_numbers(self.numbers)
        if type(self.n_all) is not int or not len(numbers) < self.n_all > numbers[-1]:
            raise ValueError(f"{self.n_all} channels do not include {numbers}")
        object.__setattr__(self, "numbers", numbers)

    def __str__(self) -> str:
        """Return the numbers in words, such as "0, 2 of 3"."""
        return f"{', '.join(map(str, self.numbers))} of {self.n_all}"

    def of_stack(self, stack: ImageStack) -> ImageStack:
        """Return a stack with these channels, if it has all of them."""
        if stack.first.shape[0] != self.n_all:
            return stack
        axis = next(i for i, a in enumerate(stack.axes) if a in "CS")
        axes = stack.axes.replace("S", "C")
        return replace(stack, array=pick(stack.array, axis, self.numbers), axes=axes)

    def of_frame(self, frame: Frame) -> Frame:
        """Return a frame with these channels, if it has all of them."""
        if frame.shape[0] != self.n_all:
            return frame
        kept = [i for i, part in enumerate(frame.index) if isinstance(part, slice)]
        array = pick(frame.array, kept[frame.order[0]], self.numbers)
        return replace(frame, array=array, n_channels=len(self.numbers))

    def of_image(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return an image (C, Y, X) with these channels, if it has all of them."""
        return image[list(self.numbers)] if len(image) == self.n_all else image


def pick(array: Any, axis: int, numbers: Iterable[int]) -> Any:
    """Return an array with some entries of an axis; only what is in memory is read."""
    if type(array) is np.ndarray:
        return array.take(tuple(numbers), axis)
    return PickedArray(array, axis, tuple(numbers))


@dataclass(frozen=True, eq=False)
class PickedArray:
    """Array with some entries of one axis of another; read when it is indexed."""

    array: Any
    axis: int
    numbers: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        shape = [int(n) for n in self.array.shape]
        shape[self.axis] = len(self.numbers)
        return tuple(shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the array."""
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...] | None:
        """Lengths of the chunks along every axis, in dask's notation."""
        edges = chunk_edges(self.array)
        if edges is None:
            return None
        lengths = [tuple(int(n) for n in np.diff(e)) for e in edges]
        lengths[self.axis] = (1,) * len(self.numbers)
        return tuple(lengths)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Read what a key of slices and whole numbers selects."""
        index = for_all_axes(key, self.ndim)
        before, after = index[: self.axis], index[self.axis + 1 :]
        taken = index[self.axis]
        if not isinstance(taken, slice):
            return np.asarray(self.array[(*before, self.numbers[taken], *after)])
        whole = [slice(n, n + 1) for n in self.numbers[taken]] or [slice(0)]
        parts = [np.asarray(self.array[(*before, n, *after)]) for n in whole]
        return np.concatenate(parts, sum(isinstance(i, slice) for i in before))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it."""
        return np.asarray(self[()], dtype)

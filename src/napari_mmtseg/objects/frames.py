"""Label images as frames: the planes or volumes in which objects lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import index
from typing import Any

import numpy as np

from napari_mmtseg.errors import InputError


def check_labels(labels: Any) -> tuple[Any, tuple[int, ...]]:
    """Return labels that can be read part by part, and their shape.

    Raises InputError if they are not whole numbers with two axes or more.
    """
    if not all(hasattr(labels, name) for name in ("shape", "dtype", "__getitem__")):
        labels = np.asarray(labels)
    if isinstance(labels, np.ma.MaskedArray):
        labels = labels.filled(0)  # no data, no object
    shape = tuple(int(n) for n in labels.shape)
    if np.dtype(labels.dtype).kind not in "iu" or len(shape) < 2 or 0 in shape:
        raise InputError(
            f"Labels of {labels.dtype} and shape {shape} have no objects. Give whole "
            "numbers with at least two axes, Y and X."
        )
    return labels, shape


def numbers_along(
    given: Any, shape: tuple[int, ...], name: str, *, positive: bool
) -> tuple[float, ...]:
    """Return one finite number for every axis of labels, or raise InputError."""
    try:
        numbers = () if isinstance(given, str) else tuple(map(float, given))
    except (TypeError, ValueError, OverflowError):
        numbers = ()
    low = 0 if positive else -np.inf
    if len(numbers) != len(shape) or not all(low < n < np.inf for n in numbers):
        words = "positive numbers" if positive else "numbers"
        raise InputError(
            f"{name}={given!r} does not fit labels of shape {shape}. Give "
            f"{len(shape)} {words}, one for each axis."
        )
    return numbers


def whole_numbers(given: Any, name: str) -> tuple[int, ...]:
    """Return whole numbers in a tuple, or raise InputError."""
    try:
        found = tuple(index(number) for number in given)
    except TypeError:
        raise InputError(
            f"{name}={given!r} is not accepted: give whole numbers, such as (1, 2)."
        ) from None
    return found


def frames_of(shape: Sequence[int], n_dims: int) -> Iterator[tuple[int, ...]]:
    """Yield the index of every frame of `n_dims` axes."""
    yield from np.ndindex(*shape[:-n_dims])


def bands_of(shape: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Yield bands of a plane or slices of a volume that fit in little memory."""
    per_row = int(np.prod(shape[1:], dtype=np.int64))
    step = max(2**22 // max(per_row, 1), 1)
    for start in range(0, shape[0], step):
        yield (
            slice(start, min(start + step, shape[0])),
            *(slice(0, n) for n in shape[1:]),
        )

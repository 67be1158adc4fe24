"""Label images as frames: the planes or volumes in which objects lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from napari_mmtseg.errors import InputError


def check_labels(labels: Any) -> tuple[Any, tuple[int, ...]]:
    """Return labels that can be read part by part, and their shape.

    Raises InputError if they are not whole numbers with two axes or more.
    """
    if not all(hasattr(labels, name) for name in ("shape", "dtype", "__getitem__")):
        labels = np.asarray(labels)
    shape = tuple(int(n) for n in labels.shape)
    if np.dtype(labels.dtype).kind not in "iu" or len(shape) < 2 or 0 in shape:
        raise InputError(
            f"Labels of {labels.dtype} and shape {shape} have no objects. Give whole "
            "numbers with at least two axes, Y and X."
        )
    return labels, shape


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

"""Where labels are kept while they are made: in memory, or in a file on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import psutil
from numpy.typing import DTypeLike, NDArray

from napari_mmtseg.errors import InputError

__all__ = ["check_store", "free_memory", "goes_to_disk", "new_store"]


def free_memory() -> int:
    """Return how many bytes of memory are free, without swapping anything out."""
    return int(psutil.virtual_memory().available)


def goes_to_disk(n_bytes: int, memory_share: float) -> bool:
    """Tell whether so many bytes are more than their share of the free memory."""
    return n_bytes > memory_share * free_memory()


def new_store(
    shape: Sequence[int], dtype: DTypeLike, memory_share: float = 1.0
) -> NDArray[Any]:
    """Return an array of zeros for labels.

    Parameters
    ----------
    shape, dtype : sequence of int, dtype-like
        Of the array.
    memory_share : float
        Share of the free memory above which the array is a :class:`numpy.memmap` of a
        temporary file, which goes with the array.

    Raises
    ------
    InputError
        If the disk is full.
    """
    shape = tuple(int(n) for n in shape)
    n_bytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if not goes_to_disk(n_bytes, memory_share):
        return np.zeros(shape, dtype)
    try:
        # The array keeps the file open. It has no name, or loses it in the end: nothing
        # is left behind, however the process ends.
        with tempfile.TemporaryFile(prefix="mmtseg-") as file:
            return np.memmap(file, dtype, "w+", shape=shape)
    except OSError as error:
        raise InputError(
            f"Labels of {n_bytes / 1e9:.1f} GB do not fit in the memory that they may "
            f"take, and not in the folder {tempfile.gettempdir()} either "
            f"({error.strerror or error}). Name another one with the environment "
            "variable TMPDIR, or pass out= an array on disk."
        ) from error


def check_store(out: Any, shape: Sequence[int], largest: int) -> None:
    """Refuse an array that labels cannot be written to.

    Parameters
    ----------
    out : array-like
        With ``shape``, ``dtype`` and assignment to slices.
    shape : sequence of int
        Of the labels.
    largest : int
        Largest label that may come.

    Raises
    ------
    InputError
        If it has another shape, or holds no such integers.
    """
    shape = tuple(shape)
    if not all(hasattr(out, name) for name in ("shape", "dtype", "__setitem__")):
        raise InputError(
            f"out is a {type(out).__name__}. Accepted: an array that takes slices, "
            "such as a numpy array, a memmap or a zarr array."
        )
    if tuple(out.shape) != shape:
        raise InputError(
            f"out has the shape {tuple(out.shape)}; the labels have {shape}, that of "
            "the image without its channels. Make it in this shape."
        )
    dtype = np.dtype(out.dtype)
    if dtype.kind not in "iu" or np.iinfo(dtype).max < largest:
        raise InputError(
            f"out holds {dtype}; labels are integers up to {largest}. Make it with "
            f"dtype={np.min_scalar_type(largest)} or a larger integer type."
        )

"""Arrays for labels while they are made: in memory, or in a file on disk."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import psutil
from numpy.typing import DTypeLike, NDArray

from napari_mmtseg.errors import InputError

_ON_DISK = "/var/tmp"
"""For large temporary files on Linux and macOS; other folders of this kind are often
kept in memory."""


def free_memory() -> int:
    """Return the number of free bytes of memory, without swapping anything out."""
    return int(psutil.virtual_memory().available)


def free_disk() -> int:
    """Return the number of free bytes on the disk for temporary files."""
    return shutil.disk_usage(_folder()).free


def goes_to_disk(n_bytes: int, memory_share: float) -> bool:
    """Return whether `n_bytes` exceed their share of the free memory."""
    return n_bytes > memory_share * free_memory()


def new_store(
    shape: Sequence[int], dtype: DTypeLike, memory_share: float = 1.0
) -> NDArray[Any]:
    """Return an array of zeros for labels.

    Above `memory_share` of the free memory it is a :class:`numpy.memmap` of a temporary
    file, which is deleted with the array. Raises InputError if the disk is full.
    """
    shape = tuple(int(n) for n in shape)
    n_bytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if not goes_to_disk(n_bytes, memory_share):
        return np.zeros(shape, dtype)
    folder = _folder()
    try:
        # The array keeps the file open. The file has no name, or loses it in the end:
        # nothing is left behind, however the process ends.
        with tempfile.TemporaryFile(prefix="mmtseg-", dir=folder) as file:
            _reserve(file, n_bytes, folder)
            return np.memmap(file, dtype, "w+", shape=shape)
    except OSError as error:
        raise InputError(
            f"Labels of {n_bytes / 1e9:.1f} GB do not fit in the memory that they may "
            f"take, and not in the folder {folder} either "
            f"({error.strerror or error}). Name another one with the environment "
            "variable TMPDIR, or pass out= an array on disk."
        ) from error


def _folder() -> str:
    named = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    if not named and os.path.isdir(_ON_DISK) and os.access(_ON_DISK, os.W_OK):
        return _ON_DISK
    return tempfile.gettempdir()


def _reserve(file: IO[bytes], n_bytes: int, folder: str) -> None:
    """Reserve the disk space now: a full disk met later ends the process."""
    if shutil.disk_usage(folder).free < n_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, n_bytes)


def check_store(
    out: Any, shape: Sequence[int], largest: int, image: Any = None
) -> None:
    """Raise InputError if labels cannot be written to the array `out`.

    It has to have ``shape``, ``dtype`` and assignment to slices, the shape of the
    labels and a type that holds the `largest`, and must not be the `image`, which is
    read while labels are written.
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
    flags = getattr(out, "flags", None)
    if getattr(out, "read_only", False) or not getattr(flags, "writeable", True):
        raise InputError(
            "out can only be read. Open it for writing, such as with mode='r+'."
        )
    arrays = isinstance(out, np.ndarray) and isinstance(image, np.ndarray)
    if out is image or (arrays and np.may_share_memory(out, image)):
        raise InputError(
            "out is the image itself, or a part of it: labels would replace pixels "
            "that are still read. Pass another array."
        )
    check_largest(out, largest)


def check_largest(out: Any, largest: int) -> None:
    """Raise InputError if the type of an array is not an integer that holds a label."""
    dtype = np.dtype(out.dtype)
    if dtype.kind not in "iu" or np.iinfo(dtype).max < largest:
        raise InputError(
            f"out holds {dtype}; labels are integers up to {largest}. Make it with "
            f"dtype={np.min_scalar_type(largest)} or a larger integer type."
        )


def store_labels(out: Any, place: Any, labels: NDArray[Any]) -> None:
    """Write labels from 0 to the part `place` of an array.

    Raises InputError if one of them is too large for its data type.
    """
    check_largest(out, int(labels.max(initial=0)))
    out[place] = labels.astype(out.dtype, copy=False)

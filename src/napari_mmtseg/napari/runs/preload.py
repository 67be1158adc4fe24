"""Load torch in a worker thread without freezing the window."""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np

from napari.layers import Image, Labels
from napari_mmtseg.openmp import short_waits

_LIBRARIES = {
    "linux": ("libtorch_global_deps.so", "libtorch.so"),
    "darwin": ("libtorch_global_deps.dylib", "libtorch.dylib"),
}


_loading = Lock()


def is_engine_loaded() -> bool:
    """Whether a run would begin at once."""
    return "torch" in sys.modules and not _loading.locked()


def load_engine() -> None:
    """Import torch and all else that a first run loads. For a worker thread.

    A second call waits for the first. A plain ``import torch`` stops all other threads:
    Python loads its libraries, and collects garbage, with the interpreter locked.
    Longest standstill of a window while this function runs, on two busy cores: 0.1 to
    0.3 s; 1.8 s without :func:`_load_libraries`, 1.1 to 1.4 s without
    :func:`no_full_collection`.
    """
    with _loading:
        if "torch" in sys.modules:
            return
        with short_waits():
            _load_libraries()
        with no_full_collection():
            _segment_something()
            load_layers()


def _load_libraries() -> None:
    """Load the libraries of torch through a call that unlocks the interpreter.

    The import then finds them loaded. A failure does not matter: the import itself
    reports it.
    """
    names = _LIBRARIES.get(sys.platform, ())  # on Windows torch itself does so
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "lib"
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype = ctypes.c_void_p
    dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
    for name, flags in zip(names, (os.RTLD_GLOBAL, os.RTLD_LOCAL), strict=False):
        if (folder / name).exists():
            dlopen(os.fsencode(folder / name), os.RTLD_NOW | flags)


def _segment_something() -> None:
    """Let torch import what it only imports in the first training step."""
    segmentation = importlib.import_module("napari_mmtseg.segmentation.segment")
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    segmentation.segment(image, n_steps=2, warm_start_steps=1)


def load_layers() -> None:
    """Let napari load and compile what its first layers need. For a worker thread."""
    Image(np.zeros((2, 2), np.uint8))
    Labels(np.zeros((2, 2), np.int32))


_NEVER = 2**31 - 1

_lock = Lock()
_n_users = 0
_usual = gc.get_threshold()


@contextmanager
def no_full_collection() -> Iterator[None]:
    """Keep Python from walking through all objects of the process for a while.

    That takes a tenth of a second in napari, and stops all threads. For threads that
    make many objects; several may use it at the same time.
    """
    global _n_users, _usual
    with _lock:
        if not _n_users:
            _usual = gc.get_threshold()
            gc.set_threshold(*_usual[:2], _NEVER)
        _n_users += 1
    try:
        yield
    finally:
        with _lock:
            _n_users -= 1
            if not _n_users:
                if not gc.get_freeze_count():
                    # Resets the count towards the next full collection.
                    gc.freeze()
                    gc.unfreeze()
                gc.set_threshold(*_usual)

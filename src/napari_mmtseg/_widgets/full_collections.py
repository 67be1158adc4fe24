"""Keep Python's full garbage collections out of the way of the window."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["no_full_collection"]

_NEVER = 2**31 - 1

_lock = Lock()
_n_users = 0
_usual = gc.get_threshold()


@contextmanager
def no_full_collection() -> Iterator[None]:
    """Keep Python from walking through all objects of the process for a while.

    That takes a tenth of a second in napari, and stops all threads. For a thread that
    makes many objects; several may do so at the same time.
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
                    # Starts the count towards the next full collection anew.
                    gc.freeze()
                    gc.unfreeze()
                gc.set_threshold(*_usual)

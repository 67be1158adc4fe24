"""Search for files that match a pattern, which can be cancelled."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

_ANY_FOLDERS = "**/"


def matching_paths(
    folder: Path,
    pattern: str,
    is_left_out: Callable[[str], bool],
    check: Callable[[], None],
) -> Iterator[Path]:
    """Yield the paths that :meth:`pathlib.Path.glob` finds, each once."""
    before, recursive, after = pattern.partition(_ANY_FOLDERS)
    if not recursive or (before and not before.endswith("/")) or not after:
        for path in folder.glob(pattern):
            check()
            yield path
        return
    seen = set()
    for top in folder.glob(before) if before else [folder]:
        for place, folders, _ in os.walk(top):
            check()
            folders[:] = [name for name in folders if not is_left_out(name)]
            for path in matching_paths(Path(place), after, is_left_out, check):
                if path not in seen:
                    seen.add(path)
                    yield path

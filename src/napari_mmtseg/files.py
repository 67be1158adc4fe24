"""Output files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from napari_mmtseg.errors import InputError

__all__ = ["check_output", "write_atomically"]

_LONGEST_NAME = 255
"""Bytes of a file name that common file systems take."""


def check_output(
    path: str | Path, *, suffixes: Sequence[str] = (), overwrite: bool = False
) -> Path:
    """Refuse an output file that could not be written, before any work is done.

    Parameters
    ----------
    path : path-like
        The file to be.
    suffixes : sequence of str
        Accepted endings, lower case; any without them.
    overwrite : bool
        Whether a file that exists may be replaced.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    InputError
        If it is a folder, exists, has another ending, or its folder does not exist or
        cannot be written to.
    """
    path = Path(path)
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise InputError(
            f"The name {path.name[:20]}... is too long: at most {_LONGEST_NAME} bytes."
        )
    if path.is_dir():
        raise InputError(f"{path} is a folder. Give the name of a file in it.")
    if suffixes and not path.name.lower().endswith(tuple(suffixes)):
        raise InputError(
            f"{path} cannot be written: the name has to end in {', '.join(suffixes)}."
        )
    if os.path.lexists(path) and not overwrite:
        raise InputError(
            f"{path} exists and is left as it is. Give another name, or ask for it to "
            "be overwritten (--overwrite, overwrite=True)."
        )
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} does not exist. Make it first.")
    if not os.access(path.parent, os.W_OK) or (
        path.exists() and not os.access(path, os.W_OK)
    ):
        raise InputError(f"{path} cannot be written: no permission.")
    return path


def write_atomically(
    path: str | Path,
    content: bytes,
    *,
    suffixes: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Write a file in one go: it is there with all of `content`, or not at all.

    Parameters
    ----------
    path, suffixes, overwrite
        As for :func:`check_output`.
    content : bytes
        What the file holds.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    path = check_output(path, suffixes=suffixes, overwrite=overwrite)
    try:
        handle, name = tempfile.mkstemp(prefix=".mmtseg-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
            _move(Path(name), path, overwrite)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error


def _move(source: Path, target: Path, overwrite: bool) -> None:
    if overwrite:
        source.replace(target)
        return
    try:
        # A hard link fails if the target has appeared meanwhile; a rename would not.
        os.link(source, target)
    except FileExistsError:
        raise InputError(
            f"{target} has appeared meanwhile and is left as it is."
        ) from None
    except OSError:  # no hard links on this file system
        check_output(target)
        source.replace(target)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current

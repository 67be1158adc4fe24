"""Output files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.formats import in_words

PARTIAL = ".mmtseg-"
"""Beginning of the names of unfinished files."""

_APPEARED = "{} has appeared meanwhile and is left as it is."
_umask_lock = Lock()

_LONGEST_NAME = 255
"""Bytes of a file name on common file systems."""


def check_output(
    path: str | Path,
    *,
    suffixes: Sequence[str] = (),
    overwrite: bool = False,
    folders: bool = False,
) -> Path:
    """Raise InputError if a file could not be written, before any work is done.

    Its ending has to be one of the lower-case `suffixes`, if there are any, and its
    folder has to exist. With `overwrite` the file itself may exist, and with `folders`
    it may be a folder.
    """
    path = Path(path)
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise InputError(
            f"The name {path.name[:20]}... is too long: at most {_LONGEST_NAME} bytes."
        )
    if path.is_dir() and not folders:
        raise InputError(f"{path} is a folder. Give the name of a file in it.")
    if suffixes and not path.name.lower().endswith(tuple(suffixes)):
        raise InputError(
            f"{path} cannot be written: its name has to end in {in_words(suffixes)}."
        )
    if os.path.lexists(path) and not overwrite:
        raise InputError(
            f"{path} exists and is left as it is. Give another name, or replace it "
            "(overwrite=True)."
        )
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} does not exist. Make it first.")
    if not os.access(path.parent, os.W_OK) or (
        path.exists() and not os.access(path, os.W_OK)
    ):
        raise InputError(f"{path} cannot be written: no permission.")
    return path


def check_apart(path: Path, image: Path) -> None:
    """Raise InputError if an output is the image, one of its folders, or inside it."""
    out, kept = path.resolve(), image.resolve()
    if out == kept or (path.exists() and image.exists() and path.samefile(image)):
        what = "is the image itself"
    elif out in kept.parents:
        what = f"is a folder that holds the image {image}"
    elif kept in out.parents:
        what = f"lies inside the image {image}"
    else:
        return
    raise InputError(f"{path} {what}. Give the labels another name.")


def write_atomically(
    path: str | Path,
    content: bytes,
    *,
    suffixes: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Write a file that appears with all of `content`, or not at all.

    Raises InputError as :func:`check_output` does, or if writing fails.
    """
    check_output(path, suffixes=suffixes, overwrite=overwrite)
    with written_whole(path, overwrite=overwrite) as partial:
        partial.write_bytes(content)


@contextmanager
def written_whole(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Make a file or a folder appear only once it is complete.

    Yields a hidden path beside it to write to, removed if that fails. With `overwrite`
    an existing folder is replaced as well. Raises InputError if it cannot be written.
    """
    path = Path(path)
    try:
        partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=path.parent))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        new = partial / path.name
        yield new
        if new.is_dir():
            _replace_folder(new, path, overwrite)
            return
        with new.open("rb+") as file:
            os.fsync(file.fileno())
        os.chmod(new, 0o666 & ~_umask())
        _move(new, path, overwrite)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_leftovers(folder: Path, names: Collection[str]) -> None:
    """Remove unfinished files with these names, left behind by killed processes."""
    for partial in folder.glob(f"{PARTIAL}*/"):
        left = [path.name for path in partial.iterdir()]
        if left and set(left) <= set(names):
            shutil.rmtree(partial, ignore_errors=True)


def _replace_folder(source: Path, target: Path, overwrite: bool) -> None:
    if os.path.lexists(target):
        if not overwrite:
            raise InputError(_APPEARED.format(target))
        target.rename(source.parent / "replaced")
    source.rename(target)


def _move(source: Path, target: Path, overwrite: bool) -> None:
    if overwrite:
        source.replace(target)
        return
    try:
        # A hard link fails if the target has appeared meanwhile; a rename would not.
        os.link(source, target)
    except FileExistsError:
        raise InputError(_APPEARED.format(target)) from None
    except OSError:  # no hard links on this file system
        check_output(target)
        source.replace(target)


def _umask() -> int:
    # It can only be read by setting it, which two threads must not do at a time.
    with _umask_lock:
        current = os.umask(0o077)
        os.umask(current)
    return current

"""Provenance in label files: what has made them, enough to make them again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import tifffile
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from napari_mmtseg.errors import InputError, import_extra
from napari_mmtseg.files.read_zarr import is_zarr

KEY = "napari-mmtseg"
"""Name of the text in a PNG file, and of the attribute of a zarr group."""

TIFF_TAG = 65123
"""A tag from the range that TIFF leaves to everybody."""

LABEL_GROUP = "mmtseg"
"""Name of the label image in the ``labels`` group of OME-Zarr."""

_FORMAT = "napari-mmtseg labels"
_VERSION = 1

_LARGE = 2**32
"""Bytes from which only the size of a file is kept, not its digest."""


@dataclass(frozen=True)
class FileStamp:
    """A file, by its path from the folder of the labels, its size and its digest.

    `sha256` is None for files of 4 GB and more.
    """

    path: str
    n_bytes: int
    sha256: str | None

    @classmethod
    def of(cls, path: Path, folder: Path) -> FileStamp:
        """Read the size and the digest of a file, or of a folder of zarr."""
        try:
            relative = os.path.relpath(path.resolve(), folder.resolve())
        except ValueError:  # another drive
            relative = str(path.resolve())
        n_bytes = sum(part.stat().st_size for part in _parts(path))
        digest = _digest(path) if n_bytes < _LARGE else None
        return cls(relative.replace(os.sep, "/"), n_bytes, digest)

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.rsplit("/", 1)[-1]

    def find(self, folder: Path) -> Path | None:
        """Return its path: where it was, or in the folder of the labels."""
        for place in (folder / self.path, folder / self.name):
            if place.exists():
                return place
        return None

    def is_same(self, path: Path) -> bool:
        """Return whether a file has the same content, as far as that is known."""
        now = FileStamp.of(path, path.parent)
        return (now.n_bytes, now.sha256) == (self.n_bytes, self.sha256)


@dataclass(frozen=True)
class Provenance:
    """The command that made a label file, its files, its options and its software.

    `files` are by their part in it: image, model, scribbles, labels.
    """

    command: str
    files: Mapping[str, FileStamp]
    options: Mapping[str, Any]
    made_with: Mapping[str, Any]

    def to_json(self) -> str:
        """Return it as text, in ASCII."""
        about = {"format": _FORMAT, "version": _VERSION, **asdict(self)}
        return json.dumps(about, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Restore it from text; raises ValueError, KeyError or TypeError."""
        about = json.loads(text)
        if about["format"] != _FORMAT or about["version"] != _VERSION:
            raise ValueError(f"version {about['version']!r} of {about['format']!r}")
        files = {str(n): FileStamp(**stamp) for n, stamp in about["files"].items()}
        return cls(
            str(about["command"]), files, dict(about["options"]), about["made_with"]
        )


def installed_version(package: str) -> str:
    """Return the version of a package, or "not installed"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def software() -> dict[str, str]:
    """Return the versions of everything that labels depend on."""
    packages = ("napari-mmtseg", "numpy", "scipy", "scikit-image", "torch")
    found = {name: installed_version(name) for name in packages}
    return {"python": platform.python_version(), **found}


def read_provenance(path: Path) -> Provenance:
    """Read the provenance of a label file: TIFF, PNG or zarr.

    Raises InputError if there is none.
    """
    if not path.exists():
        raise InputError(f"There is no file {path}.")
    text = _stored(path)
    if text is None:
        raise InputError(
            f"{path} does not say how it was made. Labels that mmtseg segment, apply, "
            "objects, batch or demo wrote do, until another program saves them."
        )
    try:
        return Provenance.from_json(text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} says how it was made, but not in a way that this release reads "
            f"({error})."
        ) from error


def png_text(provenance: Provenance | None) -> PngInfo | None:
    """Return provenance as the text of a PNG file."""
    if provenance is None:
        return None
    info = PngInfo()
    info.add_text(KEY, provenance.to_json())
    return info


def tiff_tags(provenance: Provenance | None) -> list[tuple[Any, ...]]:
    """Return provenance as the ``extratags`` of a TIFF file: one, of its first page."""
    if provenance is None:
        return []
    return [(TIFF_TAG, 2, 0, provenance.to_json(), True)]


def _stored(path: Path) -> str | None:
    try:
        if path.is_dir():
            return _stored_in_zarr(path)
        with path.open("rb") as file:
            is_png = file.read(4) == b"\x89PNG"
        if is_png:
            with Image.open(path) as picture:
                found = picture.info.get(KEY)
        else:
            with tifffile.TiffFile(path) as tiff:
                tag = tiff.pages.first.tags.get(TIFF_TAG)
                found = None if tag is None else tag.value
    except (tifffile.TiffFileError, UnidentifiedImageError):
        return None
    except Exception as error:  # the libraries meet damage with errors of many kinds
        detail = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read: {detail}.") from error
    return found if isinstance(found, str) else None


def _stored_in_zarr(path: Path) -> str | None:
    group = path / "labels" / LABEL_GROUP
    if not is_zarr(group):
        return None
    found = import_extra("zarr").open(str(group), mode="r").attrs.get(KEY)
    return found if isinstance(found, str) else None


def _parts(path: Path) -> Iterator[Path]:
    """List the files of a zarr folder, or the one file."""
    if path.is_dir():
        yield from sorted(part for part in path.rglob("*") if part.is_file())
    else:
        yield path


def _digest(path: Path) -> str:
    whole = hashlib.sha256()
    for part in _parts(path):
        if path.is_dir():
            name = part.relative_to(path).as_posix()
            whole.update(f"{name}:{part.stat().st_size}:".encode("utf-8", "replace"))
        with part.open("rb") as file:
            while block := file.read(2**20):
                whole.update(block)
    return whole.hexdigest()

"""The safetensors file of a model: numbers and JSON, nothing to execute."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import write_atomically

__all__ = ["read_model_file", "write_model_file"]

FILE_FORMAT = "napari-mmtseg model"
FILE_VERSION = 1
SUFFIX = ".safetensors"


def write_model_file(
    path: str | Path,
    about: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    *,
    overwrite: bool = False,
) -> None:
    """Write tensors and what JSON can hold about them.

    Raises
    ------
    InputError
        If the name does not end in ``.safetensors``, the file exists or cannot be
        written.
    """
    header = {"format": FILE_FORMAT, "version": FILE_VERSION, **about}
    content = save(
        {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
        {"napari_mmtseg": json.dumps(header)},
    )
    write_atomically(path, content, suffixes=(SUFFIX,), overwrite=overwrite)


def read_model_file(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what :func:`write_model_file` was given.

    Raises
    ------
    InputError
        If the file does not exist or is not a model of this version.
    """
    if not Path(path).is_file():
        raise InputError(f"There is no model file {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["napari_mmtseg"])
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{path} is not a model of napari-mmtseg ({type(error).__name__}). Make "
            "one with model.save or `mmtseg fit`."
        ) from error
    if about.get("format") != FILE_FORMAT or about.get("version") != FILE_VERSION:
        raise InputError(
            f"{path} is a model file of version {about.get('version')!r}; this release "
            f"reads version {FILE_VERSION}."
        )
    return about, tensors

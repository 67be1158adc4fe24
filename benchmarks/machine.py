"""What a figure was measured on, and with what."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

import napari_mmtseg
from napari_mmtseg.engine.device import describe_chip

_LIBRARIES = (
    "napari-mmtseg",
    "torch",
    "numpy",
    "scipy",
    "scikit-image",
    "scikit-learn",
)


def describe_machine(device: torch.device, n_threads: int | None = None) -> str:
    n_threads = n_threads or torch.get_num_threads()
    chips = dict.fromkeys(describe_chip(d) for d in (device, torch.device("cpu")))
    return (
        f"{' with '.join(chips)}, {n_threads} thread{'s' * (n_threads != 1)}; Python "
        f"{platform.python_version()}, torch {torch.__version__}"
    )


def versions() -> dict[str, str]:
    """Return the version of Python and of every library that has a part in the labels.

    ``sources`` is a digest of the package's modules, without windows and command line:
    versions stay the same while one works on the code.
    """
    found = {"python": platform.python_version(), "sources": _digest()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found


def _digest() -> str:
    root = Path(napari_mmtseg.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if not name.parts[0].startswith("_"):
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]

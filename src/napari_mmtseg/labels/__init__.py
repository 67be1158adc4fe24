"""Label images: finding, merging, numbering, comparing and storing labels.

The public names are loaded on first use, so that importing the package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_mmtseg.labels.uncertainty import (
        UncertainRegion,
        mean_confidence,
        uncertain_regions,
    )

__all__ = ["UncertainRegion", "mean_confidence", "uncertain_regions"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.uncertainty"), name)

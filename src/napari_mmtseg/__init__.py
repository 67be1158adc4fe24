"""Unsupervised image segmentation with Mutual Mean-Teaching.

The public names are loaded on first use, so that importing the package stays cheap and
does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel, load_model
    from napari_mmtseg.errors import Cancelled, InputError
    from napari_mmtseg.objects.find import find_objects
    from napari_mmtseg.objects.found import Objects
    from napari_mmtseg.objects.measure import measure
    from napari_mmtseg.progress import SegmentationStep
    from napari_mmtseg.segmentation.fit import fit
    from napari_mmtseg.segmentation.result import SegmentationResult
    from napari_mmtseg.segmentation.segment import iter_segment, segment
    from napari_mmtseg.settings.fields import SegmentationSettings

_HOMES = {
    "Cancelled": "errors",
    "InputError": "errors",
    "MutualMeanTeachingModel": "engine.model.fitted",
    "Objects": "objects.found",
    "SegmentationResult": "segmentation.result",
    "SegmentationSettings": "settings.fields",
    "SegmentationStep": "progress",
    "find_objects": "objects.find",
    "fit": "segmentation.fit",
    "iter_segment": "segmentation.segment",
    "load_model": "engine.model.fitted",
    "measure": "objects.measure",
    "segment": "segmentation.segment",
}

__all__ = [
    "Cancelled",
    "InputError",
    "MutualMeanTeachingModel",
    "Objects",
    "SegmentationResult",
    "SegmentationSettings",
    "SegmentationStep",
    "find_objects",
    "fit",
    "iter_segment",
    "load_model",
    "measure",
    "segment",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-mmtseg")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

"""Folders of images, labelled with one model or each with its own.

The public names are loaded on first use, so that importing the package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_mmtseg.batch.cluster.large_image import (
        BlockStep,
        iter_label_on_cluster,
        label_on_cluster,
    )
    from napari_mmtseg.batch.plan import BatchRequest
    from napari_mmtseg.batch.record import BatchRecord
    from napari_mmtseg.batch.run import BatchResult, BatchStep, iter_batch, run_batch

_HOMES = {
    "BatchRecord": "record",
    "BatchRequest": "plan",
    "BatchResult": "run",
    "BatchStep": "run",
    "BlockStep": "cluster.large_image",
    "iter_batch": "run",
    "iter_label_on_cluster": "cluster.large_image",
    "label_on_cluster": "cluster.large_image",
    "run_batch": "run",
}

__all__ = [
    "BatchRecord",
    "BatchRequest",
    "BatchResult",
    "BatchStep",
    "BlockStep",
    "iter_batch",
    "iter_label_on_cluster",
    "label_on_cluster",
    "run_batch",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

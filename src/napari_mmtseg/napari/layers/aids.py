"""Layers that only show something, such as a preview: never taken for input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Layer
from napari_mmtseg.napari.layers.result import METADATA

if TYPE_CHECKING:
    from napari.components import ViewerModel


def add_aid(viewer: ViewerModel, layer: Layer, index: int | None = None) -> None:
    """Add a layer that only shows something, on top of all without an index.

    What is selected stays selected.
    """
    layer.metadata.setdefault(METADATA, {})["shows_only"] = True
    layers = viewer.layers
    selected, active = set(layers.selection), layers.selection.active
    layers.insert(len(layers) if index is None else index, layer)
    layers.selection.clear()
    layers.selection.update(selected)
    layers.selection.active = active


def is_aid(layer: Layer) -> bool:
    """Return whether a layer, or the one that it duplicates, only shows something."""
    about = layer.metadata.get(METADATA)
    return isinstance(about, dict) and bool(about.get("shows_only"))

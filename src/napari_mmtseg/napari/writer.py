"""The writer that napari calls to save a Labels layer."""

from __future__ import annotations

from typing import Any

from napari.layers import Labels, Layer
from napari_mmtseg.napari.layers.writing import LayerFile


def write_labels(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one Labels layer, in the format of its ending; return the path."""
    layer = Layer.create(data, attributes, "labels")
    assert isinstance(layer, Labels)
    LayerFile.of(layer).write(path)
    return [path]

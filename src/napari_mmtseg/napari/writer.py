"""The writer that napari calls to save a Labels layer."""

from __future__ import annotations

from typing import Any

from napari.layers import Labels, Layer
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.writing import LayerFile


def write_labels(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one Labels layer, in the format of its ending; return the path.

    Raises RuntimeError if that is not possible: napari takes an InputError, which is a
    ValueError, for a writer that does not fit, and would not show what it says.
    """
    layer = Layer.create(data, attributes, "labels")
    assert isinstance(layer, Labels)
    try:
        LayerFile.of(layer).write(path)
    except InputError as error:
        raise RuntimeError(str(error)) from error
    return [path]

"""Colours of classes, which colour-blind people tell apart as well."""

from __future__ import annotations

from weakref import WeakSet

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap, label_colormap

from napari.layers import Labels

PALETTE = (
    "#0055C6",
    "#FFE300",
    "#FF391C",
    "#71E3FF",
    "#AA1C71",
    "#55AA8E",
    "#C655FF",
    "#397100",
)
"""Colours of the labels 1 to 8: as different as can be, for deuteranopes too, from each
other and from black and white."""

OPACITY = 0.5
"""Of a result: the image stays visible."""

_cycled: WeakSet[Labels] = WeakSet()
"""Layers whose palette has given way to napari's cycle."""


_NAME = "classes"
_N = 49
"""Colours in the cycle of a Labels layer in napari."""


def colour_by_output(layer: Labels, output: str) -> None:
    """Give a layer the colours of what it shows, unless the user has chosen others.

    Classes have the palette; regions are many and have napari's own cycle.
    """
    if output == "classes" and layer in _cycled:
        _cycled.discard(layer)
        if np.array_equal(layer.colormap.colors, label_colormap(_N).colors):
            layer.colormap = class_colormap()
    elif output != "classes" and layer.colormap.name == _NAME:
        layer.colormap = label_colormap(_N)
        _cycled.add(layer)


def class_colormap() -> CyclicLabelColormap:
    """Return the palette for the labels 1 to 8, and napari's own colours above."""
    usual = label_colormap(_N)
    colours = usual.colors.copy()
    colours[1 : len(PALETTE) + 1, :3] = [
        [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in PALETTE
    ]
    return CyclicLabelColormap(
        name=_NAME, display_name=_NAME, colors=colours, background_value=0
    )

"""Points in the units of the viewer and in those of a layer.

The viewer shows layers in units that they share, the smallest of their own. What a
layer says of its own place is in its own units; napari does not convert between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Layer

__all__ = ["change_units", "slider_point"]

Units = Sequence[Any] | None
"""One unit for every axis; None where layers share none, and nothing is converted."""


def slider_point(layer: Layer, dims: Dims) -> NDArray[np.float64]:
    """Return where the sliders of the viewer are, in the units of a layer.

    Parameters
    ----------
    layer : napari.layers.Layer
        The layer.
    dims : napari.components.Dims
        Of the viewer.
    """
    return change_units(dims.point, dims.units, layer.units)


def change_units(point: ArrayLike, given: Units, wanted: Units) -> NDArray[np.float64]:
    """Return a point, or a direction, in other units.

    Parameters
    ----------
    point : sequence of float
        One number for every axis.
    given, wanted : sequence of pint.Unit, or None
        Those of the point and of what is returned. All three are aligned by their last
        axes, as napari aligns layers; axes that not all of them have stay as they are.
    """
    converted = np.array(point, np.float64)
    if given is None or wanted is None:
        return converted
    # Backwards, as the first axes may be missing.
    for axis, (old, new) in enumerate(zip(given[::-1], wanted[::-1], strict=False)):
        at = len(converted) - 1 - axis
        if at < 0:
            break
        if old != new and old.dimensionality == new.dimensionality:
            converted[at] *= float((1.0 * old).to(new).magnitude)
    return converted

"""Units: position of the viewer in a layer, and the size of a pixel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari.layers import Labels, Layer
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.pixel_size import (
    TIMES,
    UNITS,
    PixelSize,
    Places,
    unit_symbol,
)

if TYPE_CHECKING:
    from napari.components import Dims

_USUAL_AXES = {1: "X", 2: "YX", 3: "ZYX", 4: "TZYX", 5: "TCZYX"}
_KINDS = {1: "Length", 2: "Area", 3: "Volume"}


@dataclass(frozen=True)
class PixelMeasure:
    """Length, area or volume of a pixel.

    `unit`, such as "µm²", is that of `size`; empty if the layer has a scale but no unit
    of length. `edge` is the shortest edge, in `length_unit`. `edges` has one entry for
    every axis of the layer: `edge` for axes that are not lengths.
    """

    size: float
    unit: str
    kind: str
    edge: float
    length_unit: str
    edges: tuple[float, ...]

    @property
    def title(self) -> str:
        """Kind and unit."""
        return f"{self.kind} ({self.unit})" if self.unit else self.kind


def shown_axes(layer: Labels, dims: Dims) -> tuple[int, ...]:
    """Return the axes of a layer that the viewer displays, in ascending order."""
    offset = dims.ndim - layer.ndim
    return tuple(sorted(d - offset for d in dims.displayed if d >= offset))


def shown_part(layer: Labels, dims: Dims) -> tuple[slice, ...]:
    """Return the part of the layer's data that the viewer displays.

    It is whole along the displayed axes, and has one entry along the others. Raises
    InputError if the viewer is at a slice that the layer does not have.
    """
    shape = layer.data.shape
    shown = shown_axes(layer, dims)
    position = np.round(layer.world_to_data(slider_point(layer, dims))).astype(int)
    part = []
    for axis, n in enumerate(shape):
        at = int(position[axis])
        if axis in shown:
            part.append(slice(0, n))
        elif 0 <= at < n:
            part.append(slice(at, at + 1))
        else:
            raise InputError(
                f"The viewer is at slice {at} along axis {axis}, outside "
                f"“{layer.name}” (0 to {n - 1}). Move the slider."
            )
    return tuple(part)


def pixel_measure(layer: Layer, axes: Sequence[int]) -> PixelMeasure | None:
    """Return the size of a pixel along some axes of a layer; None if unknown.

    If any of the axes is a length, the others are left out.
    """
    units = list(layer.units)
    scale = _steps(layer)
    lengths = [a for a in axes if _is_length(units[a])]
    name = ""
    if lengths:
        target = units[lengths[-1]]
        name = f"{target:~P}"
        scale = [
            float((s * u).to(target).magnitude) if a in lengths else s
            for a, (s, u) in enumerate(zip(scale, units, strict=True))
        ]
    elif all(scale[a] == 1 for a in axes):
        return None
    known = lengths or list(axes)
    if len(known) not in _KINDS:
        return None
    edge = min(scale[a] for a in known)
    edges = [scale[a] if a in known else edge for a in range(len(scale))]
    power = {1: "", 2: "²", 3: "³"}[len(known)]
    return PixelMeasure(
        size=float(np.prod([scale[a] for a in known])),
        unit=f"{name}{power}" if name else "",
        kind=_KINDS[len(known)],
        edge=edge,
        length_unit=name,
        edges=tuple(edges),
    )


def pixel_sizes(layer: Labels) -> tuple[str, tuple[PixelSize | None, ...]]:
    """Return a letter for every axis of a layer, and its pixel sizes, for a file.

    The letters are the names of the axes if they suit a file, else the usual ones; the
    size is None for axes that are not lengths.
    """
    axes = "".join(layer.axis_labels).upper()
    if len(axes) != layer.ndim or not re.fullmatch("T?C?Z?YX", axes):
        axes = _USUAL_AXES.get(layer.ndim, "?" * layer.ndim)
    sizes = tuple(
        PixelSize(size, f"{unit:~P}") if _is_length(unit) else None
        for size, unit in zip(_steps(layer), layer.units, strict=True)
    )
    return axes, sizes


def places(layer: Labels) -> Places:
    """Return pixel sizes along all axes of a layer, and where the first pixel lies.

    Pixel sizes are unknown if all are 1 without a unit, positions if all are 0.
    """
    units = [_symbol(unit) for unit in layer.units]
    origin = layer.data_to_world((0,) * layer.ndim)
    sizes, positions = (
        tuple(
            None if unit is None else PixelSize(float(value), unit)
            for value, unit in zip(values, units, strict=True)
        )
        for values in (_steps(layer), origin)
    )
    unknown = Places.unknown(layer.ndim)
    return Places(
        unknown.sizes if all(s in (None, (1.0, "")) for s in sizes) else sizes,
        positions if np.any(origin) else unknown.positions,
    )


def is_turned(layer: Layer) -> bool:
    """Return whether a layer is rotated, sheared or mirrored, as no file can be."""
    corner = np.array(layer.data_to_world((0,) * layer.ndim))
    ends = [np.array(layer.data_to_world(axis)) - corner for axis in np.eye(layer.ndim)]
    steps = np.array(ends)
    straight = np.diag(np.abs(np.diag(steps)))
    return not np.allclose(steps, straight, rtol=0, atol=1e-6 * np.abs(steps).max())


def _symbol(unit: Any) -> str | None:
    """Return the symbol of a unit for files, "" without one; None for other units."""
    symbol = unit_symbol(f"{unit:~P}")
    return symbol if symbol in ("", *UNITS, *TIMES) else None


def _steps(layer: Layer) -> list[float]:
    """Return how far a step along every axis of the data leads in the world."""
    corner = np.array(layer.data_to_world((0,) * layer.ndim))
    return [
        float(np.linalg.norm(np.array(layer.data_to_world(step)) - corner))
        for step in np.eye(layer.ndim)
    ]


def _is_length(unit: Any) -> bool:
    return dict(unit.dimensionality) == {"[length]": 1}


Units = Sequence[Any] | None
"""One unit for every axis; None where layers share none, and nothing is converted."""


def slider_point(layer: Layer, dims: Dims) -> NDArray[np.float64]:
    """Return the position of the viewer's sliders in the units of a layer."""
    return change_units(dims.point, dims.units, layer.units)


def pixel_at(layer: Layer, point: ArrayLike, units: Units) -> NDArray[np.float64]:
    """Return the pixel of a layer at a point in `units`, which may have fewer axes."""
    given = change_units(point, units, layer.units)
    world = np.zeros(max(layer.ndim, len(given)))
    world[len(world) - len(given) :] = given
    return np.asarray(layer.world_to_data(world), float)


def change_units(point: ArrayLike, given: Units, wanted: Units) -> NDArray[np.float64]:
    """Return a point, or a direction, in other units.

    Point and units are aligned by their last axes, as napari aligns layers; axes that
    not all of them have stay as they are.
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

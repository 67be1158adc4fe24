"""Area of an image: the inside or outside of shapes, or of painted labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from napari.layers import Image, Shapes
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.axes import parse_layer_axes
from napari_mmtseg.napari.layers.crop import Crop, crop_around
from napari_mmtseg.napari.layers.pixel_measure import Units, change_units, pixel_at

_DIGITS = 2
"""Of the corners of outlines, in pixels."""

_ROUND = np.linspace(0, 2 * np.pi, 64, endpoint=False)
"""Angles of the corners that stand for an ellipse."""


@dataclass(frozen=True, eq=False)
class Area:
    """Pixels of an image that are segmented, fixed when they are chosen.

    They lie inside `outlines`, corners (n, 2) in Y and X from the start of the `crop`
    on, or are `painted`; with `is_outside` they are all others. Without a crop the
    whole plane is meant. `name` says it in words, and `about` for the metadata; `code`
    is Python code for painted pixels.
    """

    name: str
    crop: Crop | None
    is_outside: bool
    outlines: tuple[NDArray[Any], ...] = ()
    painted: NDArray[np.bool_] | None = field(default=None, repr=False)
    code: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    def mask(self, plane: Sequence[int]) -> NDArray[np.bool_]:
        """Return True for every pixel of the area; `plane` is height and width."""
        if self.painted is not None:
            return self.painted
        mask = np.zeros(tuple(plane), bool)
        for outline in self.outlines:
            mask |= polygon2mask(tuple(plane), outline)
        return ~mask if self.is_outside else mask

    def is_same(self, other: Area | None) -> bool:
        """Return whether another area has the same pixels."""
        if other is None or (self.name, self.crop) != (other.name, other.crop):
            return False
        if self.painted is None or other.painted is None:
            return self.about == other.about
        return np.array_equal(self.painted, other.painted)

    def excludes(self, other: Area) -> bool:
        """Return whether another area is the other side, or another label, of a layer.

        False where it is not known.
        """
        layer, label = self.about.get("layer"), self.about.get("label")
        there = other.about.get("label")
        if layer is None or layer != other.about.get("layer"):
            return False
        if self.is_outside != other.is_outside:
            return bool(label == there)
        return not self.is_outside and None not in (label, there) and label != there


def area_of_shapes(
    layer: Image, axes: str, shapes: Shapes, units: Units = None, *, is_outside: bool
) -> Area:
    """Return the inside or outside of shapes: the selected ones, or all.

    Paths count as closed, lines enclose nothing. The last axes of the Shapes layer are
    those of the image, and a shape of one slice is that of all; `units` are
    ``viewer.dims.units``. Raises InputError if there is none, or they enclose too
    little of the image.
    """
    names = parse_layer_axes(axes, layer)
    plane = [names.index("Y"), names.index("X")]
    chosen = sorted(shapes.selected_data) or range(len(shapes.data))
    outlines = []
    for i in chosen:
        if shapes.shape_type[i] == "line":
            continue
        corners = []
        for vertex in _corners(shapes.data[i], shapes.shape_type[i]):
            point = change_units(shapes.data_to_world(vertex), shapes.units, units)
            corners.append(pixel_at(layer, point, units))
        outlines.append(np.array(corners)[:, plane])
    if not outlines:
        raise InputError(
            f"There is no shape in “{shapes.name}” that encloses anything. Draw around "
            "what is to be segmented."
        )
    found = np.zeros((sum(map(len, outlines)), len(names)))
    found[:, plane] = np.concatenate(outlines)
    what = f"The shapes in “{shapes.name}”"
    box = crop_around(layer, names, found, what)
    start = [0, 0] if is_outside else [part.start for part in box]
    moved = tuple(np.round(outline - start, _DIGITS) for outline in outlines)
    return Area(
        name=f"{'outside' if is_outside else 'inside'} “{shapes.name}”",
        crop=None if is_outside else box,
        is_outside=is_outside,
        outlines=moved,
        about={
            "layer": shapes.name,
            "outside": is_outside,
            "outlines": [outline.tolist() for outline in moved],
        },
    )


def _corners(data: NDArray[Any], kind: str) -> NDArray[np.float64]:
    """Return the corners of a shape; of an ellipse as many as stand for it."""
    corners = np.asarray(data, np.float64)
    if kind != "ellipse":
        return corners
    middle = corners.mean(axis=0)
    sides = (corners[1] - corners[0]) / 2, (corners[2] - corners[1]) / 2
    around: NDArray[np.float64] = (
        middle + np.outer(np.cos(_ROUND), sides[0]) + np.outer(np.sin(_ROUND), sides[1])
    )
    return around

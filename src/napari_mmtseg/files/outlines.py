"""Outlines of labels as polygons along the edges of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.measure import find_contours, points_in_poly

from napari_mmtseg.errors import InputError

_HIGHEST = 2**24

Ring = NDArray[np.float64]
"""Points (x, y), the last one as the first; pixel (0, 0) reaches from 0 to 1."""


class ClassStyle(NamedTuple):
    """Name of a class, and its colour as three numbers from 0 to 255."""

    name: str
    color: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class ObjectClasses:
    """Class of every object by its label, and the name and colour of every class.

    Without `classes` a label is its own class.
    """

    classes: NDArray[Any] | None = None
    styles: dict[int, ClassStyle] = field(default_factory=dict)

    def of(self, label: int) -> int:
        """Return the class of an object; 0 for none."""
        if self.classes is None:
            return label
        return int(self.classes[label]) if label < len(self.classes) else 0

    def style(self, label: int) -> ClassStyle | None:
        """Return name and colour of the class of an object; None if it has none."""
        value = self.of(label)
        default = None if self.classes is None else ClassStyle(f"class {value}")
        return self.styles.get(value, default if value else None)


@dataclass(frozen=True)
class Outline:
    """A label in one plane: its pieces, each an outer ring and those of its holes.

    `index` is the position of the plane along the axes before Y and X.
    """

    label: int
    index: tuple[int, ...]
    pieces: tuple[tuple[Ring, ...], ...]


def iter_outlines(labels: Any) -> Iterator[Outline]:
    """Yield the outline of every label in every plane (Y, X) of a label image.

    Polygons hold the centres of just the pixels of the label. Raises InputError if
    there are none.
    """
    found = False
    for index in np.ndindex(*labels.shape[:-2]):
        plane = np.asarray(labels[index])
        if not plane.any():
            continue
        if plane.max() > _HIGHEST or plane.min() < 0:
            raise InputError(
                f"Labels from {plane.min()} to {plane.max()} cannot be outlined. "
                f"Accepted: values from 0 to {_HIGHEST}. Renumber them first: Relabel "
                "1…k in Edit labels."
            )
        plane = plane.astype(np.int32, copy=False)
        for number, box in enumerate(find_objects(plane), start=1):
            if box is not None:
                found = True
                corner = box[1].start, box[0].start
                pieces = _pieces(plane[box] == number, corner)
                yield Outline(number, index, pieces)
    if not found:
        raise InputError("There are no objects to write: all labels are 0.")


def _pieces(
    mask: NDArray[np.bool_], corner: tuple[int, int]
) -> tuple[tuple[Ring, ...], ...]:
    # One pixel of nothing around it closes rings at the border of the image.
    padded = np.pad(mask.astype(np.float32), 1)
    rings = [_straightened(ring[:, ::-1] - 0.5) for ring in find_contours(padded, 0.5)]
    outer = [ring for ring in rings if _area(ring) > 0]
    holes = [ring for ring in rings if _area(ring) < 0]
    pieces = []
    for ring in outer:
        inside = [h for h in holes if points_in_poly(h[:1], ring)[0]]
        pieces.append(tuple(r + np.array(corner, float) for r in (ring, *inside)))
    return tuple(pieces)


def _area(ring: Ring) -> float:
    """Return twice the area, negative for a ring in the other direction."""
    x, y = ring[:-1].T
    after_x, after_y = ring[1:].T
    return float((x * after_y - after_x * y).sum())


def _straightened(ring: Ring) -> Ring:
    """Leave out points on a straight line between their neighbours."""
    steps = np.diff(ring, axis=0)
    before = np.roll(steps, 1, axis=0)
    turns = np.abs(steps[:, 0] * before[:, 1] - steps[:, 1] * before[:, 0]) > 1e-9
    corners = ring[:-1][turns]
    return np.concatenate([corners, corners[:1]])


def axis_position(axes: Sequence[str] | str, index: Sequence[int], axis: str) -> int:
    """Return the position of a plane along T, C or Z; 0 without that axis."""
    named = dict(zip(axes, index, strict=False))
    return int(named.get(axis, 0))

"""Placement of labels in the world: on the image, or the part, they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari.layers import Image, Layer

_FAR = 2.0**20
"""Pixels; far enough that a large translation leaves enough digits."""

_EXACT = 1e-10
"""Relative to a pixel; a greater deviation counts."""


@dataclass(frozen=True)
class Placement:
    """Placement of labels in the world, and their arrangement in a layer.

    `shape` has a length of one along channels and along axes of which one position is
    taken; `kept` says for every axis whether the labels of the core have it, too.
    `thickness` is the number of steps of the image that one entry covers, per axis.
    `scale` and `translate` are attributes of the layer before that; `linear` is its
    rotation, shear and scale as one matrix. `others` are further arguments of a Labels
    layer: rotate, shear, affine, units, axis_labels.
    """

    axes: str
    shape: tuple[int, ...]
    kept: tuple[bool, ...]
    thickness: tuple[float, ...]
    scale: NDArray[np.float64]
    translate: NDArray[np.float64]
    linear: NDArray[np.float64]
    others: dict[str, Any]

    @property
    def plane(self) -> tuple[int, int]:
        """Height and width."""
        return self.shape[self.axes.index("Y")], self.shape[self.axes.index("X")]

    def attributes(self, pixel_step: int = 1) -> dict[str, Any]:
        """Return the spatial arguments of a Labels layer.

        One pixel of the labels covers `pixel_step` pixels of the image in Y and X.
        """
        pixel = np.array([pixel_step if a in "YX" else 1 for a in self.axes])
        thickness = np.array(self.thickness) * pixel
        return {
            "scale": self.scale * thickness,
            "translate": self.translate + self.linear @ ((thickness - 1) / 2),
            **self.others,
        }

    def arrange(self, labels: NDArray[Any]) -> NDArray[np.int32]:
        """Return labels in the dimensions of the layer, writable, in C order."""
        shape = self.layer_shape(labels.shape)
        return np.require(labels, np.int32, ["C", "W"]).reshape(shape)

    def layer_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape in the layer of labels with another one in the core."""
        lengths = iter(shape)
        return tuple(next(lengths) if kept else 1 for kept in self.kept)

    def position(self, point: ArrayLike) -> NDArray[np.float64]:
        """Return the pixel, with fractions, at a point of the world.

        The point is in the units of the labels; its last entries are theirs.
        """
        n = len(self.shape)
        world = np.zeros(n)
        given = np.asarray(point, float)[-n:]
        world[n - len(given) :] = given
        affine = self.others["affine"]
        before = np.linalg.solve(affine[:n, :n], world - affine[:n, n])
        pixel = np.linalg.solve(self.linear, before - self.translate)
        return np.asarray(pixel, np.float64)


def place_of(
    layer: Image,
    names: Sequence[str],
    shape: Sequence[int],
    index: Sequence[int | slice],
) -> Placement:
    """Return the placement of the labels of a part of an image.

    `names` and `shape` are of its data, RGB included; `index` is the part: one position
    along an axis, or a slice with step 1.
    """
    n = layer.ndim
    # Colours may be an axis of the layer, too: napari guesses which ones are.
    names = ["C" if name == "RGB" else name for name in names]
    linear = _linear(layer)
    taken = [
        range(i, i + 1) if isinstance(i, int) else range(*i.indices(length))
        for i, length in zip(index, shape, strict=True)
    ]
    offset = np.array([positions.start for positions in taken[:n]], float)
    translate = layer.translate + linear @ offset
    # napari aligns layers by their last axes: a first channel axis may go, any other
    # stays as one entry that is as thick as all channels together.
    axes = list(range(1 if names[0] == "C" else 0, n))
    part = linear[np.ix_(axes, axes)]
    scale, turn = _scale_and_turn(part)
    return Placement(
        axes="".join(names[i] for i in axes),
        shape=tuple(1 if names[i] == "C" else len(taken[i]) for i in axes),
        kept=tuple(names[i] != "C" and isinstance(index[i], slice) for i in axes),
        thickness=tuple(shape[i] if names[i] == "C" else 1 for i in axes),
        scale=scale,
        translate=translate[axes],
        linear=part,
        others={
            **turn,
            "units": tuple(layer.units[i] for i in axes),
            "axis_labels": tuple(layer.axis_labels[i] for i in axes),
            "affine": layer.affine.affine_matrix[np.ix_([*axes, n], [*axes, n])],
        },
    )


def spatial_attributes(
    layer: Layer, start: Sequence[int] | None = None
) -> dict[str, Any]:
    """Return the arguments for another layer at the same place.

    `start` is the pixel at which the other one begins, the first by default.
    """
    linear = _linear(layer)
    scale, turn = _scale_and_turn(linear)
    offset = np.zeros(layer.ndim) if start is None else np.array(start, float)
    return {
        "scale": scale,
        "translate": layer.translate + linear @ offset,
        **turn,
        "affine": layer.affine.affine_matrix,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def _linear(layer: Layer) -> NDArray[np.float64]:
    """Return rotation, shear and scale of a layer as one matrix.

    For a layer turned by 180 degrees napari reports a negative scale and the rotation
    as well, which together are no turn: hence it is asked where points end up.
    """
    n = layer.ndim
    origin = np.asarray(layer.data_to_world(np.zeros(n)))
    ends = [np.asarray(layer.data_to_world(_FAR * axis)) for axis in np.eye(n)]
    world = (np.array(ends) - origin).T / _FAR
    linear = np.linalg.solve(layer.affine.affine_matrix[:n, :n], world)
    # Exactly as given where there is nothing but a scale.
    scale = np.array(layer.scale, np.float64)
    return np.diag(scale) if _are_same(linear, np.diag(scale)) else linear


def _scale_and_turn(
    linear: NDArray[np.float64],
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Return scale, and rotation and shear if there are any, that make up a matrix."""
    scale = np.diag(linear).copy()
    if _are_same(linear, np.diag(scale)):
        return scale, {}
    rotate, triangle = np.linalg.qr(linear)
    signs = np.where(np.diag(triangle) < 0, -1.0, 1.0)
    if np.linalg.det(rotate * signs) < 0:  # a mirror is a scale, not a rotation
        signs[-1] *= -1
    scale = np.diag(triangle) * signs
    shear = triangle * signs[:, np.newaxis] / scale
    turn: dict[str, Any] = {"rotate": rotate * signs}
    if not _are_same(shear, np.eye(len(scale))):
        turn["shear"] = shear
    return scale, turn


def _are_same(matrix: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    smallest = float(np.abs(np.diag(other)).min())
    return bool(np.allclose(matrix, other, rtol=_EXACT, atol=_EXACT * smallest))

"""From a napari layer to one image, and from its labels to a Labels layer.

The only module that knows the attributes of layers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from napari.utils.transforms import Affine
from numpy.typing import NDArray

from napari_mmtseg.arrays import check_shape
from napari_mmtseg.errors import InputError

__all__ = [
    "Place",
    "Source",
    "choose_source",
    "guess_axes",
    "possible_axes",
    "spatial_attributes",
]

_MAX_CHANNELS = 4
"""An axis without a name and with no more entries than this is taken for channels."""

_SYNONYMS = {"CHANNEL": "C", "CHANNELS": "C", "TIME": "T", "DEPTH": "Z", "PLANE": "Z"}


@dataclass(frozen=True)
class Place:
    """Where labels lie in the world: on the slice of the image that they belong to.

    Attributes
    ----------
    shape : tuple of int
        Shape of the labels: the two spatial axes, and a length of one for the others.
    thickness : tuple of float
        How many steps of the image one entry covers, per axis.
    scale, translate : ndarray
        Of the layer, before the thickness is taken into account.
    linear : ndarray
        Its rotation, shear and scale as one matrix.
    others : dict
        Further arguments of a Labels layer: rotate, shear, affine, units, axis_labels.
    """

    shape: tuple[int, ...]
    thickness: tuple[float, ...]
    scale: NDArray[np.float64]
    translate: NDArray[np.float64]
    linear: NDArray[np.float64]
    others: dict[str, Any]

    def attributes(self, pixel_step: int = 1) -> dict[str, Any]:
        """Return the spatial arguments of a Labels layer.

        Parameters
        ----------
        pixel_step : int
            How many pixels of the image one pixel of the labels covers.
        """
        pixel = np.where(np.array(self.shape) > 1, pixel_step, 1)
        thickness = np.array(self.thickness) * pixel
        return {
            "scale": self.scale * thickness,
            "translate": self.translate + self.linear @ ((thickness - 1) / 2),
            **self.others,
        }

    def arrange(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return (Y, X) labels in the dimensions of the layer, writable, in C order."""
        spatial = iter(labels.shape)
        shape = [next(spatial) if n > 1 else 1 for n in self.shape]
        return np.require(labels, np.int32, ["C", "W"]).reshape(shape)


@dataclass(frozen=True)
class Source:
    """One image of a layer, chosen once: nothing that happens to the layer changes it.

    Attributes
    ----------
    name : str
        Name of the layer.
    array : array-like
        Its data; of a multiscale layer the finest level. May be lazy.
    index : tuple of int or slice
        What to take of it.
    axes : str
        Names of the axes of `array`, separated by spaces.
    slices : dict
        Position along every axis that is cut.
    channel_axis : int or None
        Axis of the channels in what :meth:`read` returns, as in
        :func:`napari_mmtseg.segment`.
    multiscale : bool
        Whether `array` is the first of several levels.
    place : Place
        Where its labels lie.
    """

    name: str
    array: Any
    index: tuple[int | slice, ...]
    axes: str
    slices: dict[str, int]
    channel_axis: int | None
    multiscale: bool
    place: Place

    def read(self) -> NDArray[Any]:
        """Return a copy of the image; lazy data is read here, this image alone."""
        return np.array(self.array[self.index])


def guess_axes(layer: Image) -> str:
    """Guess the axes of an image layer from ``rgb``, ``axis_labels`` and its shape."""
    array = _finest(layer)
    shape = tuple(array.shape)
    colours = ["RGB"] if layer.rgb else []
    n = len(shape) - len(colours)
    names = [str(label).strip().upper() for label in layer.axis_labels][-n:]
    names = [_SYNONYMS.get(name, name) for name in names]
    named = all(re.fullmatch("[A-Z]", name) for name in names)
    if named and len(set(names)) == n and {"Y", "X"} <= set(names):
        return " ".join(names + colours)
    if n == 3 and not colours and _looks_like_channels(shape, 2):
        return "Y X C"
    leading = n - 2
    channels = [
        axis
        for axis in range(leading)
        if not colours and _looks_like_channels(shape, axis)
    ]
    letters = ["C"] if len(channels) == 1 else []
    free = iter("ZTPMQRUVW"[: leading - len(letters)][::-1])
    names = [
        "C" if letters and axis == channels[0] else next(free, "?")
        for axis in range(leading)
    ]
    return " ".join([*names, "Y", "X", *colours])


def possible_axes(layer: Image) -> list[str]:
    """Return what the axes of an image layer may be, the best guess first."""
    n = _finest(layer).ndim
    candidates = [guess_axes(layer)]
    candidates += {
        2: ["Y X"],
        3: ["Z Y X", "T Y X", "C Y X", "Y X C", "Y X RGB"],
        4: ["T Z Y X", "Z C Y X", "C Z Y X", "T C Y X", "Z Y X RGB", "T Y X RGB"],
        5: ["T Z C Y X", "T C Z Y X", "T Z Y X RGB"],
    }.get(n, [])
    possible = []
    for candidate in dict.fromkeys(candidates):
        try:
            choose_source(layer, candidate)
        except InputError:
            continue
        possible.append(candidate)
    return possible or candidates[:1]


def choose_source(
    layer: Layer, axes: str, point: Sequence[float] | None = None
) -> Source:
    """Choose the image of a layer that lies at a point of the world.

    Parameters
    ----------
    layer : napari.layers.Layer
        An Image layer; anything else is refused.
    axes : str
        One name for every axis of its data, such as ``"Z Y X"``: Y and X are
        segmented, C or RGB holds channels, along all others one position is taken.
    point : sequence of float, optional
        ``viewer.dims.point``; the first position along each axis without it.

    Raises
    ------
    InputError
        If the layer or its axes cannot be segmented, or nothing of it lies there.
    """
    if not isinstance(layer, Image):
        raise InputError(
            f"“{layer.name}” is a {layer.__class__.__name__} layer; only Image layers "
            "can be segmented."
        )
    array = _finest(layer)
    shape = tuple(int(n) for n in array.shape)
    names = _parse(axes, shape, layer)
    channels = next((i for i, name in enumerate(names) if name in ("C", "RGB")), None)
    index: list[int | slice] = [slice(None)] * len(names)
    cut = [i for i, name in enumerate(names) if name not in ("Y", "X", "C", "RGB")]
    if cut:
        position = np.zeros(layer.ndim)
        if point is not None:
            position = np.asarray(layer.world_to_data(point))
        for i in cut:
            index[i] = _position(layer, names[i], float(position[i]), shape[i])
    kept = [i for i in range(len(names)) if i not in cut]
    channel_axis = None if channels is None else kept.index(channels)
    if channels is not None and names[channels] == "RGB":
        channel_axis = None
    check_shape([shape[i] for i in kept], array.dtype, channel_axis)
    return Source(
        name=layer.name,
        array=array,
        index=tuple(index),
        axes=" ".join(names),
        slices={names[i]: int(index[i]) for i in cut},  # type: ignore[arg-type]
        channel_axis=channel_axis,
        multiscale=layer.multiscale,
        place=_place(layer, names, shape, index),
    )


def spatial_attributes(layer: Layer) -> dict[str, Any]:
    """Return the arguments of a layer that is to lie where another one does."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": _shear(layer),
        "affine": layer.affine.affine_matrix,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def _finest(layer: Image) -> Any:
    return layer.data[0] if layer.multiscale else layer.data


def _looks_like_channels(shape: Sequence[int], axis: int) -> bool:
    others = [n for i, n in enumerate(shape) if i != axis]
    return shape[axis] <= _MAX_CHANNELS < min(others[-2:])


def _parse(axes: str, shape: tuple[int, ...], layer: Image) -> list[str]:
    names: list[str] = re.findall("RGB|[A-Z]", axes.upper())
    example = "Name every axis once, for example “Z Y X”, “C Y X” or “Y X RGB”."
    if re.sub(r"RGB|[A-Z]|[\s,;]", "", axes.upper()) or not names:
        raise InputError(f"“{axes}” does not name axes. {example}")
    if len(names) != len(shape):
        raise InputError(
            f"“{' '.join(names)}” names {len(names)} axes; “{layer.name}” has "
            f"{len(shape)}, of shape {shape}. {example}"
        )
    if len(set(names)) < len(names) or not {"Y", "X"} <= set(names):
        raise InputError(
            f"“{' '.join(names)}” needs Y and X, and no axis twice. {example}"
        )
    if {"C", "RGB"} <= set(names):
        raise InputError(
            f"“{' '.join(names)}” has two axes of channels, C and RGB; one is accepted."
        )
    if "RGB" in names and (names[-1] != "RGB" or shape[-1] not in (3, 4)):
        raise InputError(
            "RGB has to be the last axis, with 3 or 4 entries; “"
            f"{layer.name}” has the shape {shape}. Name other channels C."
        )
    if layer.rgb and names[-1] not in ("C", "RGB"):
        raise InputError(
            f"The last axis of “{layer.name}” holds its colours: name it RGB, or C to "
            "take alpha for a channel as well."
        )
    return names


def _position(layer: Image, name: str, position: float, n: int) -> int:
    nearest = int(np.round(position))
    if not 0 <= nearest < n:
        raise InputError(
            f"The viewer is at {name} = {nearest}, outside “{layer.name}” "
            f"({name} = 0 to {n - 1}). Move the {name} slider."
        )
    return nearest


def _place(
    layer: Image,
    names: Sequence[str],
    shape: Sequence[int],
    index: Sequence[int | slice],
) -> Place:
    n = layer.ndim
    linear = Affine(
        scale=layer.scale, rotate=layer.rotate, shear=_shear(layer), ndim=n
    ).linear_matrix
    offset = np.array([i if isinstance(i, int) else 0 for i in index[:n]], float)
    translate = layer.translate + linear @ offset
    # napari aligns layers by their last axes: a first channel axis may go, any other
    # stays as one entry that is as thick as all channels together.
    axes = list(range(1 if names[0] == "C" else 0, n))
    thickness = [shape[i] if names[i] == "C" else 1 for i in axes]
    others: dict[str, Any] = {
        "units": tuple(layer.units[i] for i in axes),
        "axis_labels": tuple(layer.axis_labels[i] for i in axes),
        "affine": layer.affine.affine_matrix[np.ix_([*axes, n], [*axes, n])],
    }
    part = linear[np.ix_(axes, axes)]
    scale = np.array(layer.scale, float)[axes]
    if not np.allclose(part, np.diag(scale), atol=0):
        decomposed = Affine(linear_matrix=part, ndim=len(axes))
        scale = np.array(decomposed.scale, float)
        others.update(rotate=decomposed.rotate, shear=_shear(decomposed))
    return Place(
        shape=tuple(shape[i] if names[i] in ("Y", "X") else 1 for i in axes),
        thickness=tuple(thickness),
        scale=scale,
        translate=translate[axes],
        linear=part,
        others=others,
    )


def _shear(placed: Layer | Affine) -> NDArray[np.float64] | None:
    # Without rotation and shear napari gives zeros of a length that it does not take.
    return placed.shear if np.any(placed.shear) else None

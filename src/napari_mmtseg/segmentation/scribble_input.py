"""What guides a run, painted pixels and a model to start from, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import Frame, ImageStack
from napari_mmtseg.labels.scribbles import painted_values, read_scribbles
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = [
    "PaintedCrop",
    "check_scribbles",
    "largest_value",
    "model_values",
    "painted_crops",
    "read_guidance",
]

Labels = NDArray[np.int32]


def read_guidance(
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Any],
    settings: SegmentationSettings,
    model: MutualMeanTeachingModel | None,
) -> list[Labels | None] | None:
    """Check what guides a run.

    Parameters
    ----------
    images : sequence of (C, Y, X) ndarray
        Raw images.
    scribbles : sequence of array-like or None
        What is painted in each.
    settings : SegmentationSettings
        All settings.
    model : MutualMeanTeachingModel or None
        What to start from.

    Returns
    -------
    list of (Y, X) ndarray of int32 or None, or None
        The scribbles of every image; None where nothing guides the run.

    Raises
    ------
    InputError
        If scribbles or model do not fit the images, each other or the settings.
    """
    if model is None and all(painted is None for painted in scribbles):
        return None
    if settings.method != "mmt":
        given = "scribbles" if model is None else "a model"
        raise InputError(
            f"method={settings.method} cannot use {given}. Leave {given} out, or use "
            "method=mmt."
        )
    if len(scribbles) != len(images):
        raise InputError(
            f"Scribbles for {len(scribbles)} images are given for {len(images)} "
            "images. Give a list with an array, or None, for each."
        )
    painted = [
        None if hints is None else read_scribbles(hints, image.shape[1:])
        for hints, image in zip(scribbles, images, strict=True)
    ]
    if model is not None:
        model.check_channels(images[0])
    _check_classes(painted, settings, model)
    return painted


def _check_classes(
    scribbles: Sequence[Labels | None],
    settings: SegmentationSettings,
    model: MutualMeanTeachingModel | None,
) -> None:
    """Refuse numbers of classes that do not go together."""
    values = painted_values(list(scribbles))
    if not len(values) and any(painted is not None for painted in scribbles):
        raise InputError(
            "The scribbles are empty: every pixel is 0. Paint at least one class with "
            "a number from 1."
        )
    if model is None:
        if settings.n_labels is not None and len(values) > settings.n_labels:
            raise InputError(
                f"{len(values)} classes are painted, more than "
                f"n_labels={settings.n_labels}. Raise n_labels, or leave it automatic."
            )
    else:
        values = np.union1d(model_values(model), values)
        if settings.n_labels not in (None, len(values)):
            raise InputError(
                f"n_labels={settings.n_labels} does not fit: the classes of the model "
                f"and the painted ones together are {len(values)}. Give n_labels="
                f"{len(values)}, or leave it automatic."
            )
        settings = model.settings
    if len(values) > settings.max_labels:
        raise InputError(
            f"{len(values)} classes are more than max_labels={settings.max_labels}, "
            "the response channels of the networks. "
            + ("Raise max_labels." if model is None else "Fit a new model.")
        )


def largest_value(
    scribbles: Sequence[Any],
    model: MutualMeanTeachingModel | None,
    settings: SegmentationSettings,
) -> int:
    """Return the largest label that classes can have.

    Parameters
    ----------
    scribbles : sequence of array-like
        All that is painted.
    model, settings
        As for :func:`read_guidance`.
    """
    named = [] if model is None else [model_values(model)]
    painted = [int(np.max(values)) for values in (*scribbles, *named)]
    # Classes that are found beside take the smallest free values.
    return max([settings.n_labels or settings.max_labels, *painted])


def model_values(model: MutualMeanTeachingModel) -> Labels:
    """Return the labels of all classes of a model."""
    if model.label_values is not None:
        return model.label_values
    return np.arange(1, model.n_labels + 1, dtype=np.int32)


PaintedCrop = tuple[tuple[int, ...], NDArray[Any], NDArray[Any]]
"""Position of the frame, raw pixels (C, Y, X) and what is painted there, (Y, X)."""

_WHOLE = 2**22
"""Pixels up to which a painted frame is learned from as a whole."""


def check_scribbles(scribbles: Any, stack: ImageStack) -> Any:
    """Refuse scribbles that do not lie on a stack, without reading them.

    Returns
    -------
    array-like
        The scribbles, with a shape and slices.

    Raises
    ------
    InputError
        If they have another shape than the labels.
    """
    if not all(hasattr(scribbles, name) for name in ("shape", "__getitem__")):
        scribbles = np.asarray(scribbles)
    if tuple(scribbles.shape) != stack.shape:
        raise InputError(
            f"Scribbles of shape {tuple(scribbles.shape)} do not fit an image whose "
            f"labels have the shape {stack.shape}, with the axes {stack.label_axes}. "
            "Paint in an array of that shape, 0 where nothing is painted."
        )
    return scribbles


def painted_crops(
    stack: ImageStack,
    scribbles: Any,
    n_crops: int,
    side: int,
    check_cancel: Callable[[], None] = lambda: None,
) -> list[PaintedCrop]:
    """Read what is painted: whole frames, or windows of large ones.

    Parameters
    ----------
    stack : ImageStack
        The image.
    scribbles : array-like of int
        In the shape of the labels, 0 where nothing is painted; read part by part.
    n_crops : int
        How many parts at most: those with the most paint, but for every painted value
        one at least.
    side : int
        Height and width of the windows in pixels.
    check_cancel : callable
        Called before every part is read.
    """
    found = []
    for index in stack.indices():
        for window in _windows(stack.frame(index), side):
            check_cancel()
            painted = np.asarray(scribbles[stack.place(index, window)])
            values, counts = np.unique(painted[painted != 0], return_counts=True)
            if len(values):
                amounts = dict(zip(values.tolist(), counts.tolist(), strict=True))
                found.append(_Painted(index, window, painted, amounts))
    crops = []
    for part in _chosen(found, n_crops):
        check_cancel()
        pixels = np.array(stack.frame(part.index)[(slice(None), *part.window)])
        crops.append((part.index, pixels, part.painted))
    return crops


@dataclass
class _Painted:
    index: tuple[int, ...]
    window: tuple[slice, ...]
    painted: NDArray[Any]
    amounts: dict[int, int]


def _chosen(found: list[_Painted], n: int) -> list[_Painted]:
    """Choose parts with much paint that have all values among them."""
    most = sorted(found, key=lambda part: -sum(part.amounts.values()))
    seen: set[int] = set()
    needed = []
    for value in sorted({value for part in found for value in part.amounts}):
        if value not in seen:
            part = max(most, key=lambda part: part.amounts.get(value, 0))
            needed.append(part)
            seen |= set(part.amounts)
    others = [part for part in most if not any(part is other for other in needed)]
    chosen = needed + others[: max(n - len(needed), 0)]
    return sorted(chosen, key=lambda part: -sum(part.amounts.values()))


def _windows(frame: Frame, side: int) -> list[tuple[slice, ...]]:
    shape = frame.shape[1:]
    if frame.n_pixels <= _WHOLE:
        return [tuple(slice(0, n) for n in shape)]
    starts = product(*(range(0, n, side) for n in shape))
    # The last ones reach back, so that all have the same size.
    return [
        tuple(
            slice(max(min(first, n - side), 0), min(first + side, n))
            for first, n in zip(corner, shape, strict=True)
        )
        for corner in starts
    ]

"""The parts of a stack or a large image that are painted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import Frame, ImageStack

__all__ = ["PaintedCrop", "check_scribbles", "painted_crops"]

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

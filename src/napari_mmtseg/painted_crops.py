"""The parts of a stack or a large image that are painted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.frames import Frame
from napari_mmtseg.stacks import ImageStack

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
    stack: ImageStack, scribbles: Any, n_crops: int, side: int
) -> list[PaintedCrop]:
    """Read what is painted: whole frames, or windows of large ones.

    Parameters
    ----------
    stack : ImageStack
        The image.
    scribbles : array-like of int
        In the shape of the labels, 0 where nothing is painted; read frame by frame.
    n_crops : int
        How many parts at most: those with the most paint.
    side : int
        Height and width of the windows in pixels.
    """
    found = []
    for index in stack.indices():
        frame = stack.frame(index)
        painted = np.asarray(scribbles[stack.place(index)])
        for window in _windows(frame, painted, side):
            amount = int(np.count_nonzero(painted[window]))
            if amount:
                found.append((-amount, index, window, painted[window]))
    found.sort(key=lambda one: one[:2])
    return [
        (index, np.array(stack.frame(index)[(slice(None), *window)]), painted)
        for _, index, window, painted in found[:n_crops]
    ]


def _windows(frame: Frame, painted: NDArray[Any], side: int) -> list[tuple[slice, ...]]:
    shape = frame.shape[1:]
    if frame.n_pixels <= _WHOLE:
        return [tuple(slice(0, n) for n in shape)]
    places = np.nonzero(painted)
    cells = {
        tuple(int(p) // side for p in place) for place in zip(*places, strict=True)
    }
    return [
        tuple(
            slice(max(min(c * side, n - side), 0), min((c + 1) * side, n))
            for c, n in zip(cell, shape, strict=True)
        )
        for cell in cells
    ]

"""Area of an image that is segmented: what lies outside it is no data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import MIN_SIZE, masked_as_nan

_FEWEST = MIN_SIZE**2


def laid_area(area: Any, axes: str, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Return an area in the shape of labels, whose axes are letters; (Y, X) is for all.

    Raises InputError if it has another shape, is not a mask, or covers too little.
    """
    mask = np.asarray(area)
    plane = tuple(n for a, n in zip(axes, shape, strict=True) if a in "YX")
    if mask.shape not in (tuple(shape), plane):
        accepted = " or ".join(dict.fromkeys([str(plane), str(tuple(shape))]))
        raise InputError(
            f"The area has the shape {mask.shape}; the image needs {accepted}. Give "
            "True for every pixel to segment."
        )
    if mask.dtype.kind not in ("b", "u", "i"):
        raise InputError(
            f"The area holds {mask.dtype}. Give True or False, or integers with 0 "
            "outside."
        )
    mask = mask != 0
    if np.count_nonzero(mask) < _FEWEST:
        raise InputError(
            f"The area has {np.count_nonzero(mask)} pixels; at least {_FEWEST} are "
            "needed. Choose a larger one."
        )
    if mask.shape != tuple(shape):
        lengths = zip(axes, shape, strict=True)
        mask = mask.reshape([n if a in "YX" else 1 for a, n in lengths])
    return np.broadcast_to(mask, shape)


def fill_outside(pixels: NDArray[Any], area: NDArray[np.bool_]) -> NDArray[Any]:
    """Return pixels (C, [Z,] Y, X) with those outside an area taken from inside.

    The inside is mirrored at its border, so that the values and the texture of the
    whole are those of the area. Pixels stay as they are if the area is empty or all.
    """
    if area.all() or not area.any():
        return pixels
    nearest: Any = distance_transform_edt(
        ~area, return_distances=False, return_indices=True
    )
    outside = np.nonzero(~area)
    near = np.array([along[outside] for along in nearest])
    sides = np.array(area.shape)[:, np.newaxis]
    mirrored = np.clip(2 * near - np.array(outside), 0, sides - 1)
    # The mirrored pixel itself if it is inside.
    source = tuple(along[tuple(mirrored)] for along in nearest)
    filled = pixels.copy()
    for channel, given in zip(filled, pixels, strict=True):
        channel[outside] = given[source]
    return filled


def without_outside(
    pixels: NDArray[Any], area: NDArray[np.bool_] | None
) -> NDArray[Any]:
    """Return pixels (C, [Z,] Y, X) with NaN outside an area."""
    if area is None or area.all():
        return pixels
    outside = np.broadcast_to(~area, pixels.shape)
    hidden: NDArray[Any] = masked_as_nan(np.ma.masked_array(pixels, outside))
    return hidden

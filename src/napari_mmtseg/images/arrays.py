"""Checks of images, and images as arrays of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.notices import warn

NO_DATA = "pixels without a value"
"""Topic of notices about them."""

MIN_SIZE = 8
"""Smallest accepted height and width in pixels."""

_ACCEPTED = (
    "Accepted: one 2D image as (Y, X), RGB or RGBA as (Y, X, 3 or 4), or any other "
    "number of channels with channel_axis=N naming their axis"
)


def check_shape(
    shape: Sequence[int], dtype: Any, channel_axis: int | None = None
) -> None:
    """Raise InputError if an image cannot be segmented, without reading a pixel."""
    shape, dtype = tuple(shape), np.dtype(dtype)
    if dtype.kind not in "buif":
        raise InputError(
            f"An image of data type {dtype} cannot be segmented. Accepted: bool, "
            "integers and floating point numbers."
        )
    axis = _channel_axis(shape, channel_axis)
    spatial = shape if axis is None else shape[:axis] + shape[axis + 1 :]
    if len(spatial) != 2:
        advice = "Pass one slice at a time, for example image[0]." * (len(spatial) > 2)
        raise InputError(
            f"An image of shape {shape} with channel_axis={channel_axis} has "
            f"{len(spatial)} spatial axes; 2 are needed. {_ACCEPTED}. {advice}".rstrip()
        )
    if axis is not None and shape[axis] < 1:
        raise InputError(f"An image of shape {shape} has no channel in axis {axis}.")
    if min(spatial) < MIN_SIZE:
        raise InputError(
            f"An image of {spatial[0]} x {spatial[1]} pixels is too small: at least "
            f"{MIN_SIZE} x {MIN_SIZE} are needed.{_where_channels_are(shape, axis)}"
        )


def masked_as_nan(image: Any) -> Any:
    """Return an image whose masked pixels, if there are any, are NaN: no data."""
    if not isinstance(image, np.ma.MaskedArray):
        return image
    if not np.ma.getmaskarray(image).any():
        return image.data
    kind = np.promote_types(image.dtype, np.float16)  # holds all its values
    return np.ma.filled(image.astype(kind), np.nan)


def say_masked(image: Any) -> None:
    """Say how many pixels of an image that is to be segmented are masked."""
    if not isinstance(image, np.ma.MaskedArray):
        return
    mask = np.ma.getmaskarray(image)
    n_masked, n_others = int(np.count_nonzero(mask)), 0
    if image.dtype.kind == "f":
        n_others = int(np.count_nonzero(~np.isfinite(image.data) & ~mask))
    if n_masked:
        others = f" and {n_others} that are NaN or infinite" if n_others else ""
        warn(
            f"{n_masked} masked pixels{others} are treated as the lowest finite value.",
            topic=NO_DATA,
        )


def plain_values(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return floats of more than 64 bits as float64; others as they are."""
    if pixels.dtype.kind != "f" or pixels.dtype.itemsize <= 8:
        return pixels
    with np.errstate(over="ignore"):
        return pixels.astype(np.float64)


def check_channel_axis(channel_axis: int, shape: tuple[int, ...]) -> int:
    """Return an axis counted from 0.

    Raises InputError if it is not a whole number or not an axis of the shape.
    """
    if isinstance(channel_axis, bool) or not isinstance(
        channel_axis, (int, np.integer)
    ):
        raise InputError(
            f"channel_axis={channel_axis!r} is not accepted: give a whole number."
        )
    if not -len(shape) <= channel_axis < len(shape):
        raise InputError(
            f"channel_axis={channel_axis} does not exist in an image of shape "
            f"{shape}. {_ACCEPTED}."
        )
    return int(channel_axis) % len(shape)


def as_channels_first(image: Any, channel_axis: int | None = None) -> NDArray[Any]:
    """Return a view of one image as (C, Y, X) in its own data type.

    Accepted are (Y, X), (Y, X, 3), (Y, X, 4), or with `channel_axis` any 3D array of
    bool, integers or floats. Without it the last axis of a 3D array is taken for RGB(A)
    if it has 3 or 4 entries, and an alpha channel is left out with a warning. Raises
    InputError if the image cannot be segmented.
    """
    array = plain_values(np.asarray(masked_as_nan(image)))
    check_shape(array.shape, array.dtype, channel_axis)
    say_masked(image)
    axis = _channel_axis(array.shape, channel_axis)
    if axis is None:
        return array[np.newaxis]
    channels = np.moveaxis(array, axis, 0)
    if channel_axis is None and len(channels) == 4:
        warn(
            "The alpha channel of an RGBA image is ignored. Pass channel_axis to use "
            "all four channels."
        )
        channels = channels[:3]
    return channels


def _where_channels_are(shape: tuple[int, ...], axis: int | None) -> str:
    if axis is None or shape[axis] == 1:
        return ""
    return (
        f" {shape[axis]} entries along an axis are taken for channels; if others are "
        "channels, name that axis C (axes, or channel_axis)."
    )


def _channel_axis(shape: tuple[int, ...], channel_axis: int | None) -> int | None:
    if channel_axis is not None:
        return check_channel_axis(channel_axis, shape)
    return 2 if len(shape) == 3 and shape[2] in (3, 4) else None

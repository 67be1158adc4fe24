"""Names of the axes of an image: one letter each, read or guessed."""

from __future__ import annotations

import re

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import check_channel_axis

_LEADING = "QPTZ"
"""Names of unnamed axes before Y and X; the last ones are taken first."""

_ACCEPTED = (
    "Accepted: one letter for every axis, Y and X among them, C or S for channels or "
    "RGB colours, T, Z and any other letter for what is stacked, for example ZYX, "
    "TCZYX or YXS"
)


def parse_axes(axes: str, n_axes: int | None = None) -> str:
    """Return the names of axes, such as "T Z Y X" or "Y X RGB", as letters, RGB as S.

    Raises InputError if every axis is not named once, Y and X among them.
    """
    if not isinstance(axes, str):
        raise InputError(f"axes={axes!r} is a {type(axes).__name__}. {_ACCEPTED}.")
    letters = re.sub(r"[\s,;]", "", axes.upper().replace("RGB", "S"))
    n = len(letters) if n_axes is None else n_axes
    if not re.fullmatch("[A-Z]*", letters) or len(letters) != n:
        what = "axes" if n_axes is None else f"the {n_axes} axes of the image"
        raise InputError(f"axes={axes!r} does not name {what}. {_ACCEPTED}.")
    if (
        len(set(letters)) < n
        or not {"Y", "X"} <= set(letters)
        or {"C", "S"} <= set(letters)
        or letters.index("Y") > letters.index("X")
        or ("Z" in letters and letters.index("Z") > letters.index("Y"))
    ):
        raise InputError(
            f"axes={axes!r} needs Y before X, Z before both, no letter twice and one "
            f"axis of channels at most. {_ACCEPTED}."
        )
    return letters


def guess_axes(shape: tuple[int, ...], channel_axis: int | None) -> str:
    """Return a letter for every axis of an image without named axes.

    Raises InputError if there are too few or too many, or no such axis of channels.
    """
    n = len(shape)
    channel = None
    if channel_axis is not None:
        channel = check_channel_axis(channel_axis, shape)
    colours = channel is None and n >= 3 and shape[-1] in (3, 4) and shape[-2] > 4
    n_spatial = n - (channel is not None or colours)
    if not 2 <= n_spatial <= 2 + len(_LEADING):
        raise InputError(
            f"An image of shape {shape} with channel_axis={channel_axis} has "
            f"{n_spatial} spatial axes; 2 to {2 + len(_LEADING)} are accepted. "
            f"{_ACCEPTED}."
        )
    letters = [*_LEADING[len(_LEADING) + 2 - n_spatial :], "Y", "X"]
    if colours:
        letters.append("S")
    elif channel is not None:
        letters.insert(channel, "C")
    return "".join(letters)


def check_channel_letter(
    letters: str, shape: tuple[int, ...], channel_axis: int | None, axes: str
) -> None:
    """Raise InputError if named axes contradict `channel_axis` or the shape."""
    if channel_axis is not None:
        found = next((i for i, a in enumerate(letters) if a in "CS"), None)
        if check_channel_axis(channel_axis, shape) != found:
            raise InputError(
                f"channel_axis={channel_axis} and axes={axes!r} do not agree. Give one "
                "of them."
            )
    if "S" in letters and shape[letters.index("S")] not in (3, 4):
        raise InputError(
            f"axes={axes!r}: S stands for RGB or RGBA, with 3 or 4 entries; the image "
            f"has the shape {shape}. Name other channels C."
        )

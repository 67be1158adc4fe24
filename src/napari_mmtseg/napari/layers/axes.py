"""Names of the axes of an image layer: guessed, or typed by the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from napari.layers import Image
from napari_mmtseg.errors import InputError

_MAX_CHANNELS = 4
"""An axis without a name and with no more entries than this is taken for channels."""

_SYNONYMS = {"CHANNEL": "C", "CHANNELS": "C", "TIME": "T", "DEPTH": "Z", "PLANE": "Z"}

_USUAL = {
    2: ["Y X"],
    3: ["Z Y X", "T Y X", "C Y X", "Y X C", "Y X RGB"],
    4: ["T Z Y X", "Z C Y X", "C Z Y X", "T C Y X", "Z Y X RGB", "T Y X RGB"],
    5: ["T Z C Y X", "T C Z Y X", "T Z Y X RGB"],
}


def finest_level(layer: Image) -> Any:
    """Return the data of a layer; the level with the most pixels if it has several."""
    return layer.data[0] if layer.multiscale else layer.data


def guess_axes(layer: Image) -> str:
    """Guess the axes of an image layer from ``rgb``, ``axis_labels`` and its shape."""
    shape = tuple(finest_level(layer).shape)
    colours = ["RGB"] if layer.rgb else []
    n = len(shape) - len(colours)
    names = [str(label).strip().upper() for label in layer.axis_labels][-n:]
    names = [_SYNONYMS.get(name, name) for name in names]
    if all(re.fullmatch("[A-Z]", name) for name in names) and _is_in_order(names):
        return " ".join(names + colours)
    if n == 3 and not colours and _looks_like_channels(shape, 2):
        return "Y X C"
    leading = n - 2
    channels = [] if colours else range(leading)
    channels = [axis for axis in channels if _looks_like_channels(shape, axis)]
    if len(channels) != 1:
        channels = []
    free = iter("ZTPMQRUVW"[: leading - len(channels)][::-1])
    names = ["C" if i in channels else next(free, "?") for i in range(leading)]
    return " ".join([*names, "Y", "X", *colours])


def candidate_axes(layer: Image) -> list[str]:
    """Return usual axes of such a layer, the best guess first."""
    usual = _USUAL.get(finest_level(layer).ndim, [])
    return list(dict.fromkeys([guess_axes(layer), *usual]))


def parse_layer_axes(axes: str, layer: Image) -> list[str]:
    """Return the name of every axis of a layer: a letter, or RGB.

    `axes` is such as ``"Z Y X"``, ``"c,y,x"`` or ``"YXRGB"``. Raises InputError if they
    do not name every axis once, Y and X among them.
    """
    shape = tuple(int(n) for n in finest_level(layer).shape)
    names: list[str] = re.findall("RGB|[A-Z]", axes.upper())
    example = "Name every axis once, for example “Z Y X”, “C Y X” or “Y X RGB”."
    if re.sub(r"RGB|[A-Z]|[\s,;]", "", axes.upper()) or not names:
        raise InputError(f"“{axes}” does not name axes. {example}")
    given = " ".join(names)
    if len(names) != len(shape):
        raise InputError(
            f"“{given}” names {len(names)} axes; “{layer.name}” has "
            f"{len(shape)}, of shape {shape}. {example}"
        )
    if len(set(names)) < len(names) or not {"Y", "X"} <= set(names):
        raise InputError(f"“{given}” needs Y and X, and no axis twice. {example}")
    if {"C", "RGB"} <= set(names):
        raise InputError(
            f"“{given}” has two axes of channels, C and RGB; one is accepted."
        )
    if not _is_in_order(names):
        raise InputError(
            f"“{given}” needs Y before X, and Z before both. {example} An image with "
            "other axes can be turned: layer.data = layer.data.transpose(...)."
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


def _is_in_order(names: Sequence[str]) -> bool:
    if len(set(names)) < len(names) or not {"Y", "X"} <= set(names):
        return False
    y, x = names.index("Y"), names.index("X")
    return y < x and ("Z" not in names or names.index("Z") < y)


def _looks_like_channels(shape: Sequence[int], axis: int) -> bool:
    others = [n for i, n in enumerate(shape) if i != axis]
    return shape[axis] <= _MAX_CHANNELS < min(others[-2:])

"""Scripted strokes: what a user might paint on an image whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt

_STEP = 1.0
_TURN = 0.25
"""Standard deviation of the change of direction from pixel to pixel, in radians."""

_MARGIN = 1.0
"""Pixels that a stroke keeps from the border of its class, where there is room."""


def strokes(
    truth: NDArray[Any],
    seed: int,
    *,
    per_class: int = 3,
    length: int = 20,
    width: int = 3,
) -> NDArray[np.int32]:
    """Paint a few short strokes inside every class of a true class map.

    A stroke starts at a random pixel of its class, at least half its own width from
    the border where there is such a pixel, and wanders on, turning where it would leave
    the class. With a larger `per_class` the first strokes stay as they were.

    Parameters
    ----------
    truth : (Y, X) ndarray of int
        True classes, any values from 0; below 0 nothing is painted.
    seed : int
        Start of the random numbers.
    per_class : int
        Strokes of every class.
    length, width : int
        Of a stroke in pixels, where its class has room for it.

    Returns
    -------
    (Y, X) ndarray of int32
        0 where nothing is painted, else the class plus 1. A painted pixel always has
        its true class.
    """
    painted = np.zeros(truth.shape, np.int32)
    brush = _disk(width)
    for value in np.unique(truth[truth >= 0]):
        inside = truth == value
        depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
        wanted = min(width / 2 + _MARGIN, float(depth.max()))
        for number in range(per_class):
            rng = np.random.default_rng([seed, int(value), number])
            line = _line(depth >= wanted, inside, rng, length)
            painted[binary_dilation(line, brush) & inside] = value + 1
    return painted


def _line(
    starts: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    rng: np.random.Generator,
    length: int,
) -> NDArray[np.bool_]:
    """Return the pixels of a random walk with inertia that stays inside."""
    candidates = np.argwhere(starts)
    place = candidates[rng.integers(len(candidates))].astype(float)
    direction = rng.uniform(0, 2 * np.pi)
    line = np.zeros(inside.shape, bool)
    line[tuple(place.astype(int))] = True
    for _ in range(length - 1):
        direction += rng.normal(0, _TURN)
        # Look ahead; where the way is barred, turn as little as is needed.
        turns = np.linspace(0, np.pi, 9)
        for turn in np.stack([turns, -turns], 1).ravel():
            angle = direction + turn
            ahead = place + _STEP * np.array([np.sin(angle), np.cos(angle)])
            at = tuple(np.round(ahead).astype(int))
            within = all(0 <= i < n for i, n in zip(at, inside.shape, strict=True))
            if within and inside[at]:
                place, direction = ahead, angle
                line[at] = True
                break
    return line


def _disk(width: int) -> NDArray[np.bool_]:
    reach = np.arange(width) - (width - 1) / 2
    disk: NDArray[np.bool_] = np.hypot(*np.meshgrid(reach, reach)) <= width / 2
    return disk

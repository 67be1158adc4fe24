"""Light that varies slowly over an image, as a polynomial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_DEGREE = 3
TERMS = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i) if i + j]
"""Powers of y and x in the field; a constant is not light that varies."""


class Part(NamedTuple):
    """A part of an image: pixels (C, [Z,] Y, X), their corner, and the whole (Y, X)."""

    pixels: NDArray[Any]
    corner: Sequence[int]
    shape: Sequence[int]


def part_of(
    pixels: NDArray[Any], window: Sequence[slice], shape: Sequence[int]
) -> Part:
    """Return the pixels of a window ([Z,] Y, X) as a part of an image of `shape`."""
    return Part(pixels, [side.start for side in window[-2:]], shape[-2:])


def whole(image: NDArray[Any]) -> Part:
    """Return an image (C, [Z,] Y, X) as a part of itself."""
    height, width = image.shape[-2:]
    return Part(image, (0, 0), (height, width))


@dataclass(frozen=True)
class Field:
    """Light of one channel: "divide" or "subtract" a cubic polynomial of y and x.

    The polynomial is that of the logarithm of the values if they are divided, after
    `dark` is added. Coordinates are 0 in the middle, and 1 half the long side away.
    Where nothing was seen of the light, as in what is masked, it is no weaker than
    `weakest` and no stronger than `strongest`: a cubic grows without end.
    """

    kind: str
    coefficients: tuple[float, ...]
    center: float
    dark: float
    weakest: float = -np.inf
    strongest: float = np.inf

    def taken_out(
        self, values: NDArray[np.float32], corner: Sequence[int], shape: Sequence[int]
    ) -> NDArray[np.float32]:
        """Return values (..., Y, X) at a corner of a whole (Y, X) under even light."""
        table = np.zeros((_DEGREE + 1, _DEGREE + 1))
        for term, coefficient in zip(TERMS, self.coefficients, strict=True):
            table[term] = coefficient
        y, x = (
            np.vander(at, _DEGREE + 1, increasing=True)
            for at in coordinates(values.shape[-2:], corner, shape)
        )
        light = np.clip(y @ table @ x.T, self.weakest, self.strongest)
        field = (light - self.center).astype(np.float32)
        if self.kind == "subtract":
            return values - field
        dark = np.float32(self.dark)
        return (values + dark) * np.exp(-field) - dark


def coordinates(
    size: Sequence[int], corner: Sequence[int], shape: Sequence[int], step: float = 1
) -> list[Matrix]:
    """Return y and x of `size` blocks of `step` pixels from a corner on."""
    half = max(shape) / 2
    at = []
    for n, start, length in zip(size, corner, shape, strict=True):
        places = start + (np.arange(n) + 0.5) * step - length / 2
        at.append((places / half).astype(np.float64))
    return at

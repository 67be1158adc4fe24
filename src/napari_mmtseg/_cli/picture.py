"""A picture of an image, its labels and their borders, side by side."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import mark_boundaries

__all__ = ["side_by_side"]

_GAP = 12
_GOLDEN_RATIO = 0.618034
_BORDER = (1.0, 0.0, 0.8)
# Okabe and Ito: told apart with any kind of colour vision.
_FEW_COLOURS = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
    (70, 70, 70),
)


def side_by_side(
    image: NDArray[np.uint8], labels: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Return input, labels in colour and borders over the input as one picture.

    Parameters
    ----------
    image : (Y, X) or (Y, X, 3) ndarray of uint8
        The input.
    labels : (Y, X) ndarray of int32
        Its labels, from 1.

    Returns
    -------
    (Y, 3 X + gaps, 3) ndarray of uint8
        White between the three.
    """
    colour = image if image.ndim == 3 else np.stack([image] * 3, axis=-1)
    borders = mark_boundaries(colour, labels, color=_BORDER, mode="inner")
    gap = np.full((len(image), _GAP, 3), 255, np.uint8)
    panels = (
        colour,
        gap,
        _palette(int(labels.max()))[labels - 1],
        gap,
        np.rint(np.asarray(borders) * 255).astype(np.uint8),
    )
    return np.concatenate(panels, axis=1)


def _palette(n: int) -> NDArray[np.uint8]:
    """Colours of the labels 1..n."""
    if n <= len(_FEW_COLOURS):
        return np.array(_FEW_COLOURS, np.uint8)
    colours = [
        colorsys.hsv_to_rgb(i * _GOLDEN_RATIO % 1, 0.5 + 0.15 * (i % 3), 0.95)
        for i in range(n)
    ]
    return (np.array(colours) * 255).astype(np.uint8)

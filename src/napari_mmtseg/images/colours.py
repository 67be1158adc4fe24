"""Photographs told from micrographs that are saved as RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.stains import absorbs_light

_SAMPLES = 20_000
_OFF = 0.0005
"""Share of the variance that an image of one colour may have off its line from black:
grey values saved as RGB, or under a colour map of one hue."""


def is_photograph(image: NDArray[Any]) -> bool:
    """Return whether an image (C, Y, X) is RGB in several colours, none of stains."""
    return len(image) == 3 and not has_one_colour(image) and not absorbs_light(image)


def has_one_colour(image: NDArray[Any]) -> bool:
    """Return whether an RGB image (3, Y, X) is one colour, brighter and darker."""
    pixels = image.reshape(3, -1)
    pixels = pixels[:, :: max(pixels.shape[1] // _SAMPLES, 1)].astype(np.float64)
    pixels = pixels[:, np.isfinite(pixels).all(axis=0)]
    if not pixels.size:
        return True
    pixels = pixels / max(float(np.abs(pixels).max()), 1e-300)
    along = float(np.linalg.eigvalsh(pixels @ pixels.T)[-1])
    off = float((pixels**2).sum()) - along
    variance = float(pixels.var(axis=1).sum()) * pixels.shape[1]
    return off <= _OFF * variance or variance == 0

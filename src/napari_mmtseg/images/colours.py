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


def is_photograph(*images: NDArray[Any]) -> bool:
    """Return whether images (C, ...) are RGB in several colours, none of stains."""
    if len(images[0]) != 3 or has_one_colour(*images):
        return False
    return not absorbs_light(*images)


def has_one_colour(*images: NDArray[Any]) -> bool:
    """Return whether RGB images (3, ...) are one colour, brighter and darker."""
    some = [image.reshape(3, -1) for image in images]
    some = [s[:, :: max(s.shape[1] // _SAMPLES, 1)].astype(np.float64) for s in some]
    pixels = np.concatenate(some, axis=1)
    pixels = pixels[:, np.isfinite(pixels).all(axis=0)]
    if not pixels.size:
        return True
    pixels = pixels / max(float(np.abs(pixels).max()), 1e-300)
    along = float(np.linalg.eigvalsh(pixels @ pixels.T)[-1])
    off = float((pixels**2).sum()) - along
    variance = float(pixels.var(axis=1).sum()) * pixels.shape[1]
    return bool(off <= _OFF * variance or variance == 0)

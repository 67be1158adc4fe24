"""The immunohistochemistry image of scikit-image, with a truth by stain separation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage import data
from skimage.color import rgb2hed

UNKNOWN = 255
"""True class of pixels that are not unmistakable."""

_SMOOTHING = 0.7
_FULL = (0.046, 0.139)
"""Amounts of haematoxylin and DAB in rgb2hed that are taken for 1: their 95th
percentiles in this image."""

_CLEAR = 1.5
"""Factor by which one stain has to exceed the other."""


@dataclass(frozen=True)
class StainedTissue:
    """DAB (0), haematoxylin (1) and what has neither (2).

    The truth is that of a rule, colour deconvolution (Ruifrok and Johnston 2001), so it
    favours what looks at one pixel at a time; 37 % of the pixels are a mixture, and
    unknown.
    """

    collection: str = "stained_tissue"
    name: str = "immunohistochemistry"

    def read_image(self) -> NDArray[Any]:
        """Return the image (Y, X, 3), uint8."""
        return data.immunohistochemistry()

    def read_truths(self) -> list[NDArray[Any]]:
        """Return the true classes (Y, X) in a list."""
        return [_truth()]

    def read_strokes(self) -> None:
        """Return that no person has painted this image."""

    def true_number(self) -> int:
        """Return the number of true classes."""
        return 3


@cache
def _truth() -> NDArray[np.uint8]:
    image = data.immunohistochemistry() / 255
    blurred = [gaussian_filter(channel, _SMOOTHING) for channel in image.T]
    amounts = rgb2hed(np.stack(blurred).T)[..., [0, 2]] / _FULL
    blue, brown = np.moveaxis(amounts, -1, 0)
    truth = np.full(blue.shape, UNKNOWN, np.uint8)
    truth[(brown > 0.55) & (brown > _CLEAR * blue)] = 0
    truth[(blue > 0.75) & (blue > _CLEAR * brown)] = 1
    truth[(blue < 0.45) & (brown < 0.2)] = 2
    return truth

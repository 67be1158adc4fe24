"""Samples: real images that scikit-image brings along; no network is needed."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage import color, data

__all__ = ["cell", "coins", "focus_series", "hematoxylin", "immunohistochemistry"]

LayerData: TypeAlias = tuple[NDArray[Any], dict[str, Any], str]


def immunohistochemistry() -> list[LayerData]:
    """Return colonic glands, FHL2 stained brown and nuclei blue: (512, 512, 3)."""
    image = data.immunohistochemistry()
    return [(image, {"name": "immunohistochemistry", "rgb": True}, "image")]


def hematoxylin() -> list[LayerData]:
    """Return the nuclear stain of `immunohistochemistry`, unmixed: (512, 512)."""
    return [(_hematoxylin(), {"name": "hematoxylin"}, "image")]


def coins() -> list[LayerData]:
    """Return Greek coins from Pompeii under uneven light: (303, 384)."""
    return [(data.coins(), {"name": "coins"}, "image")]


def cell() -> list[LayerData]:
    """Return a cell in saline under a quantitative phase microscope: (660, 550)."""
    return [(data.cell(), {"name": "cell"}, "image")]


def focus_series() -> list[LayerData]:
    """Return a stack as a focus series gives: blurred copies of a real image.

    The middle slice is the image of :func:`hematoxylin` itself, the others are blurred
    by Gaussians as wide as their distance: (9, 512, 512).
    """
    image = _hematoxylin()
    stack = np.stack([gaussian_filter(image, abs(z - 4) * 1.5) for z in range(9)])
    attributes = {"name": "simulated focus series", "axis_labels": ("z", "y", "x")}
    return [(stack, attributes, "image")]


def _hematoxylin() -> NDArray[np.float32]:
    stain = color.rgb2hed(data.immunohistochemistry())[..., 0]
    low, high = np.percentile(stain, (0.1, 99.9))
    image: NDArray[np.float32] = np.clip((stain - low) / (high - low), 0, 1)
    return image.astype(np.float32)

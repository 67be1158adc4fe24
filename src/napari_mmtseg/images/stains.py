"""Stained tissue in transmitted light: recognised, and divided into its stains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SAMPLES = 20_000
_WHITE = 99.0
"""Percentile of a channel that is the light of the empty field."""

_DENSE = 0.3
"""Optical density, summed over the channels, from which a pixel counts as stained."""

_BRIGHT, _NEUTRAL = 0.55, 0.7
"""Least brightness of the empty field, and of its darkest over its brightest colour."""

_LETS_THROUGH = 0.77
"""Density that hardly a pixel exceeds in the channel that it absorbs least: stains let
some colour through, what is opaque in a photograph none."""

_COLOURED = 0.2
"""Least mean difference of the channels of stained pixels, over their density."""

_GREEN, _GREENER = 0.02, 0.08
"""Largest share of stained pixels that let most green through: plants do, common stains
do not."""

_CONTRASTING = 0.9
"""Cosine of the spectra of two stains below which they have different colours."""

_EXTREME = 1.0
"""Percentile of the angles of densities that is taken for a pure stain."""


def field_light(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the light of the empty field in RGB pixels (3, ...), (3,)."""
    values = _finite(pixels).reshape(3, -1)
    return np.maximum(np.percentile(values, _WHITE, axis=1), 1e-12)


def optical_density(
    pixels: NDArray[Any], light: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return -log(I / I0) of RGB pixels (3, ...), with the empty field's light I0."""
    shape = (3, *[1] * (pixels.ndim - 1))
    share = _finite(pixels) / light.reshape(shape)
    density: NDArray[np.float64] = -np.log(np.clip(share, 1 / 255, 1))
    return density


def stain_amounts(
    pixels: NDArray[Any], light: NDArray[np.float64], spectra: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the amounts (2, ...) of two stains in RGB pixels (3, ...)."""
    density = optical_density(pixels, light).reshape(3, -1)
    amounts: NDArray[np.float64] = np.linalg.pinv(spectra.T) @ density
    return amounts.reshape(2, *pixels.shape[1:])


def _finite(pixels: NDArray[Any]) -> NDArray[np.float64]:
    return np.nan_to_num(pixels.astype(np.float64), posinf=0, neginf=0)


def absorbs_light(*images: NDArray[Any]) -> bool:
    """Return whether RGB images (3, ...) show stains on a bright, empty field."""
    pixels = np.concatenate([_local_means(image) for image in images], axis=1)
    if not pixels.size:
        return False
    whites = field_light(pixels)
    full = 255 if images[0].dtype == np.uint8 else float(pixels.max())
    if whites.min() < _BRIGHT * full or whites.min() < _NEUTRAL * whites.max():
        return False
    density = optical_density(pixels, whites)
    if np.percentile(density.min(0), 95) > _LETS_THROUGH:
        return False
    stained = density[:, density.sum(0) > _DENSE]
    if stained.shape[1] < 50:
        return False
    colour = (stained.max(0) - stained.min(0)) / stained.sum(0)
    red, green, blue = stained
    greenish = green < np.minimum(red, blue) - _GREENER
    return bool(colour.mean() > _COLOURED and greenish.mean() < _GREEN)


def _local_means(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return some pixels (3, n) of an image, of 3 x 3 each: noise has no colour."""
    if image.ndim != 3 or min(image.shape[1:]) < 3:
        pixels = image.reshape(3, -1)
        means = pixels[:, :: max(pixels.shape[1] // _SAMPLES, 1)].astype(np.float64)
    else:
        height, width = image.shape[1:]
        step = max(int((height * width / _SAMPLES) ** 0.5), 1)
        parts = [
            image[:, y : height - 2 + y : step, x : width - 2 + x : step]
            for y in range(3)
            for x in range(3)
        ]
        means = np.mean(parts, axis=0, dtype=np.float64).reshape(3, -1)
    return means[:, np.isfinite(means).all(axis=0)]


def stain_spectra(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return how much two stains absorb of red, green and blue, (2, 3), of length 1.

    The method of Macenko et al. (ISBI 2009): the densities of stained pixels lie in a
    plane, and the two extreme directions in it are the stains. The one that absorbs
    more blue comes second.
    """
    pixels = image.reshape(3, -1)
    pixels = pixels[:, :: max(pixels.shape[1] // _SAMPLES, 1)]
    density = optical_density(pixels, field_light(pixels))
    stained = density[:, density.sum(0) > _DENSE].T
    if len(stained) < 50:
        return np.eye(3)[[0, 2]]
    plane = np.linalg.svd(stained, full_matrices=False)[2][:2]
    plane[0] *= np.sign(plane[0].sum())
    angles = np.arctan2(*(stained @ plane.T).T[::-1])
    ends = np.percentile(angles, (_EXTREME, 100 - _EXTREME))
    spectra = np.clip(np.stack([np.cos(ends), np.sin(ends)], 1) @ plane, 0, None)
    spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
    ordered: NDArray[np.float64] = spectra[np.argsort(spectra[:, 2], kind="stable")]
    return ordered


def has_brown_stain(image: NDArray[Any]) -> bool:
    """Return whether a brown stain (DAB) lies beside one of another colour.

    It absorbs blue most of all colours, as no other common stain does.
    """
    first, second = stain_spectra(image)
    red, green, blue = second
    return bool(red < green < blue and first @ second < _CONTRASTING)

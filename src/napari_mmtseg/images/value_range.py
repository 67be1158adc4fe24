"""The range of the values of an image: no hot pixels, but small bright objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from napari_mmtseg.notices import warn

PERCENTILES = (0.05, 99.95)

_FAR = 6.0
"""Deviations of the noise from which a single pixel is no noise."""

_ISOLATED = 0.8
"""Share of the pixels far outside that lie alone or in twos if they are hot."""

_MOST_TOGETHER = 2
_REACH = 2.0
"""Small bright objects widen the range by at most this many times the distance from
the median to the percentile."""

_FEW = 0.02
_STRETCHED = 0.9
"""Share of the range that values beyond that share of the pixels may take up."""

_STRUCTURE = 8.0
"""Deviations of the noise that values spread over if they are more than it."""

_SAMPLES = 2**18
"""Pixels, about, that the noise is measured on."""

_NEIGHBOURS = np.ones((3, 3))


@np.errstate(over="ignore", invalid="ignore")
def value_range(
    images: Sequence[NDArray[Any]], values: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the range of the finite `values` of images (C, [Z,] Y, X).

    It is that of the percentiles. Single pixels far outside all others do not widen it,
    and an object that fills at least 2 x 2 pixels is not cut off because it is small.
    """
    low, middle, high = np.percentile(values, (PERCENTILES[0], 50, PERCENTILES[1]))
    if not np.isfinite([low, high, high - low]).all():
        return float(low), float(high)
    noise = _noise(images)
    if not np.isfinite(noise):
        return float(low), float(high)
    above, n_above = _bound(images, high, middle, noise, 1)
    below, n_below = _bound(images, -low, -middle, noise, -1)
    if n_above or n_below:
        end = above if n_above else -below
        warn(
            f"{n_above + n_below} single pixels are far outside the range of all "
            f"others (hot or dead pixels): they count as {end:.4g}.",
            topic="hot pixels",
        )
    _say_if_stretched(-float(below), float(above), values, noise)
    return -float(below), float(above)


def _say_if_stretched(
    low: float, high: float, values: NDArray[np.float64], noise: float
) -> None:
    """Say it if few values take up nearly all of the range while others hide in it.

    What is left of the range has to show more than noise.
    """
    dark, bright = np.percentile(values, (100 * _FEW, 100 * (1 - _FEW)))
    if bright - dark < _STRUCTURE * noise or dark == bright:
        return
    for is_above, rest, setting in (
        (True, bright - low, "brightest_value"),
        (False, high - dark, "darkest_value"),
    ):
        if rest < (1 - _STRETCHED) * (high - low):
            end = bright if is_above else dark
            middle = (end + (high if is_above else low)) / 2
            n = np.count_nonzero(values > middle if is_above else values < middle)
            warn(
                f"{n / len(values):.1%} of the pixels take up nearly all of the range "
                f"from {low:.4g} to {high:.4g}. If the others matter, give "
                f"{setting}={end:.4g}.",
                topic="stretched",
            )


def _bound(
    images: Sequence[NDArray[Any]], high: float, middle: float, noise: float, sign: int
) -> tuple[float, int]:
    """Return the upper end of the range of signed images, and the hot pixels above."""
    top = max(_filled(image, sign) for image in images)
    if not np.isfinite(top):
        return high, 0
    margin = max(_FAR * noise, (top - middle) / 2)
    if high > top + margin and top > middle:
        n_hot = _hot(images, top + margin, sign)
        return (top + margin, n_hot) if n_hot else (high, 0)
    reach = high + _REACH * (high - middle)
    if top > reach + _FAR * noise:
        return reach + _FAR * noise, 0
    return high, 0


def _filled(image: NDArray[Any], sign: int) -> float:
    """Return the highest value that 2 x 2 pixels side by side reach."""
    values = _signed(image, sign)
    rows = np.minimum(values[..., 1:, :], values[..., :-1, :])
    blocks = np.minimum(rows[..., 1:], rows[..., :-1])
    finite = blocks[np.isfinite(blocks)] if blocks.dtype.kind == "f" else blocks
    return float(finite.max()) if finite.size else float("-inf")


def _hot(images: Sequence[NDArray[Any]], bound: float, sign: int) -> int:
    """Return how many pixels lie above a bound, if they lie apart; 0 if not."""
    n_all = n_apart = 0
    for image in images:
        outside = _signed(image, sign) > bound
        for plane in outside.reshape(-1, *image.shape[-2:]):
            if not plane.any():
                continue
            sizes = np.bincount(label(plane, _NEIGHBOURS)[0].ravel())[1:]
            n_all += int(sizes.sum())
            n_apart += int(sizes[sizes <= _MOST_TOGETHER].sum())
    return n_all if n_apart >= _ISOLATED * max(n_all, 1) else 0


def _noise(images: Sequence[NDArray[Any]]) -> float:
    """Return the deviation of noise, by the median step between neighbours."""
    steps = []
    for image in images:
        rows = image.reshape(-1, image.shape[-1])
        rows = rows[:: max(len(images) * image.size // _SAMPLES, 1)]
        step = np.abs(np.diff(rows.astype(np.float64), axis=1))
        steps.append(step[np.isfinite(step)])
    every = np.concatenate(steps)
    return float(np.median(every)) * 1.0483 if every.size else 0.0


def _signed(image: NDArray[Any], sign: int) -> NDArray[Any]:
    # NumPy has no minus for unsigned and boolean values.
    return image if sign > 0 else -image.astype(np.float64)

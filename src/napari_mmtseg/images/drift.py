"""Brightness that drifts along a stack: bleaching, a lamp that fades, depth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import ImageStack

_FRAMES = 16
"""Frames, at most, that are looked at along an axis."""

_PIXELS = 2**15
"""Pixels, about, that are looked at in a frame."""

_PERCENTILES = (5, 50, 99)
_DRIFT = 1.6
"""Ratio of the contrast, or shift by contrasts, from which brightness drifts."""

_STEADY = 0.9
"""Least rank correlation of contrast and place: objects come and go, drift goes on."""


@np.errstate(over="ignore", invalid="ignore")
def brightness_drift(
    stack: ImageStack, check_cancel: Callable[[], None] = lambda: None
) -> tuple[str, float] | None:
    """Return the axis that brightness drifts along, and last over first contrast.

    Only a steady drift counts, in which most frames show the same at another
    brightness. None without one, or where a frame cannot be read.
    """
    axes = [a for a in stack.label_axes if a not in stack.frame_axes]
    for position, axis in enumerate(axes):
        n = stack.lead[position]
        if n < 3:
            continue
        at = np.unique(np.linspace(0, n - 1, _FRAMES).round().astype(int))
        looked = []
        for i in at:
            check_cancel()
            looked.append(_levels(stack, position, int(i)))
        levels = np.array(looked)
        if not np.isfinite(levels).all():
            continue
        contrast, middle = levels[:, 2] - levels[:, 0], levels[:, 1]
        if contrast.min() <= 0:
            continue
        ratio = float(contrast[-1] / contrast[0])
        fades = max(ratio, 1 / ratio) > _DRIFT and _is_steady(contrast)
        shift = abs(middle[-1] - middle[0]) / np.median(contrast)
        if fades or (shift > _DRIFT / 2 and _is_steady(middle)):
            return axis, ratio
    return None


def _levels(stack: ImageStack, position: int, i: int) -> list[float]:
    """Return percentiles of the first channel of a frame amid the others."""
    index = [n // 2 for n in stack.lead]
    index[position] = i
    frame = stack.frame(index)
    shape = frame.shape[1:]
    step = max(round((np.prod(shape) / _PIXELS) ** (1 / len(shape))), 1)
    try:
        pixels = frame[(slice(0, 1), *(slice(0, n, step) for n in shape))]
    except InputError:  # said where the frame is needed
        return [np.nan] * len(_PERCENTILES)
    values = pixels.astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return [np.nan] * len(_PERCENTILES)
    return [float(v) for v in np.percentile(values, _PERCENTILES)]


def _is_steady(values: NDArray[np.float64]) -> bool:
    ranks = np.argsort(np.argsort(values))
    return bool(abs(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]) >= _STEADY)

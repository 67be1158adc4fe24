"""Objects that are too dim for their class: each one ends at half of its own height."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.objects.separation import Mask, Separation

_NOISE = 6.0
"""Deviations of the background above which a pixel may be one of an object."""

_LEAST = 0.02
"""Least height of such a pixel, over the contrast of objects and background."""

_TYPICAL = 0.75
"""Share of an object's pixels that are no higher than its own height."""

_FINE = 12
"""Pixels across an object that are enough to tell which pixel belongs to which."""

_EDGE = 0.5
"""Height at which an object ends, over its own: in the middle of a blurred edge."""


@dataclass(frozen=True)
class DimObjects:
    """The way to find them, the same for all parts of an image.

    Classes end halfway between the typical object and the background. What is less than
    half as bright as others is background to them, and what touches it loses its rim.
    Here every object has its own border. Heights are above the background, over the
    contrast of all objects; those of dark objects are depths.

    Attributes
    ----------
    separation : Separation
        The objects of classes.
    floor : float
        Height that is more than noise.
    """

    separation: Separation
    floor: float

    @classmethod
    def of(cls, separation: Separation, background: NDArray[Any]) -> DimObjects:
        """Tell noise by heights of the background."""
        noise = 1.4826 * float(np.median(np.abs(background))) if background.size else 0
        alone = replace(separation, method="distance")
        return cls(alone, max(_NOISE * noise, _LEAST))

    def added_to(self, mask: Mask, image: NDArray[Any]) -> Mask:
        """Return the mask of objects with dim ones; `image` has its shape."""
        heights = self.separation.contrast(image)
        coarse, some = self._coarse()
        basins = coarse.apply((mask | (heights > self.floor))[some])
        inside = np.flatnonzero(basins)
        if not len(inside):
            return mask
        numbers, values = basins.ravel()[inside], heights[some].ravel()[inside]
        order = np.lexsort((values, numbers))
        starts = np.searchsorted(numbers[order], np.arange(1, int(numbers.max()) + 2))
        typical = starts[:-1] + (_TYPICAL * (np.diff(starts) - 1)).astype(np.intp)
        own = np.append(np.float32(np.inf), values[order[typical]])
        edges = enlarge(np.maximum(_EDGE * own, self.floor)[basins], mask.shape)
        added: Mask = mask | (heights > edges)
        return added

    def _coarse(self) -> tuple[Separation, tuple[Any, ...]]:
        """Return the separation of some of the pixels, and their index."""
        fine = self.separation
        step = max(int(fine.size / _FINE), 1)
        sampling = (*(s / step for s in fine.sampling[:-2]), *fine.sampling[-2:])
        some = slice(None, None, step)
        coarse = replace(fine, size=fine.size / step, sampling=sampling)
        return coarse, (..., some, some)

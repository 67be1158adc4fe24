"""An image as small as its regions need it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.engine.examples import to_working_size
from napari_mmtseg.region_labels import mean_over_cuts, region_cuts

__all__ = ["View", "digest", "shrink"]

_REGIONS_SIZE = 1024
"""Long side in pixels of the image on which regions are merged."""

shrink = partial(to_working_size, working_size=_REGIONS_SIZE)
"""Make an image (C, Y, X) as small as regions need it."""


@dataclass(frozen=True)
class View:
    """An image as small as regions need it, and its regions.

    Attributes
    ----------
    image : (C, Y, X) ndarray of float32
        Normalised.
    seen : (F, Y, X) ndarray of float32
        What the networks see of it.
    regions : (Y, X) ndarray of int
        As from :func:`napari_mmtseg.region_labels.region_cuts`.
    cuts : list of (n,) ndarray of int
        Likewise.
    """

    image: NDArray[np.float32]
    seen: NDArray[np.float32]
    regions: NDArray[np.intp]
    cuts: list[NDArray[np.intp]]

    @classmethod
    def of(cls, image: NDArray[np.float32], seen: NDArray[np.float32]) -> View:
        """Find the regions of an image."""
        return cls(image, seen, *region_cuts(image))

    def averaged(self, array: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the largest channel of (C, Y, X) on the average over regions."""
        best = mean_over_cuts(self.regions, self.cuts, array).argmax(0)
        labels: NDArray[np.intp] = best[self.regions]
        return labels


def digest(channels: NDArray[Any]) -> bytes:
    """Return what tells a raw image (C, Y, X) from all others."""
    about = f"{channels.shape} {channels.dtype}".encode()
    pixels = np.ascontiguousarray(channels).view(np.uint8).data
    return blake2b(pixels, key=about[:64]).digest()

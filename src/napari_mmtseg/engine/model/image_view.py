"""An image as small as its regions need it, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.engine.examples import to_working_size
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.region_finding import mean_over_cuts, region_cuts

__all__ = ["CachedResult", "ImageView", "shrink"]

_REGIONS_SIZE = 1024
"""Long side in pixels of the image on which regions are merged."""


def shrink(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Make an image (C, Y, X) as small as regions need it."""
    return to_working_size(image, _REGIONS_SIZE)


@dataclass(frozen=True)
class ImageView:
    """An image as small as regions need it, and its regions.

    Attributes
    ----------
    image : (C, Y, X) ndarray of float32
        Normalised.
    seen : (F, Y, X) ndarray of float32
        What the networks see of it.
    """

    image: NDArray[np.float32]
    seen: NDArray[np.float32]

    @cached_property
    def _cuts(self) -> tuple[NDArray[np.intp], list[NDArray[np.intp]]]:
        return region_cuts(self.image)

    def find_regions(self) -> None:
        """Look for the regions now; they are kept."""
        self._cuts  # noqa: B018

    def averaged(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (C, Y, X) averaged over the regions of several cuts."""
        regions, cuts = self._cuts
        means: NDArray[np.float32] = mean_over_cuts(regions, cuts, array)[:, regions]
        return means


@dataclass(frozen=True)
class CachedResult:
    """What came of an image, for the next run on it.

    Attributes
    ----------
    digest : bytes
        Tells the raw image from all others.
    hierarchy : LabelHierarchy
        Its labels.
    view : ImageView or None
        The image and its regions, where they were needed.
    """

    digest: bytes
    hierarchy: LabelHierarchy
    view: ImageView | None

    @classmethod
    def of(
        cls, channels: NDArray[Any], hierarchy: LabelHierarchy, view: ImageView | None
    ) -> CachedResult:
        """Remember a raw image (C, Y, X)."""
        return cls(_digest(channels), hierarchy, view)

    def is_of(self, channels: NDArray[Any]) -> bool:
        """Tell whether a raw image (C, Y, X) is the one remembered."""
        return self.digest == _digest(channels)


def _digest(channels: NDArray[Any]) -> bytes:
    about = f"{channels.shape} {channels.dtype}".encode()
    pixels = np.ascontiguousarray(channels).view(np.uint8).data
    return blake2b(pixels, key=about[:64]).digest()

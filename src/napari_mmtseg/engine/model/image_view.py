"""Image views: small versions of an image on which regions are found; results kept."""

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

_REGIONS_SIZE = 1024
"""Long side in pixels of the image on which regions are merged."""


def shrink(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shrink an image (C, Y, X) to the size on which regions are found."""
    return to_working_size(image, _REGIONS_SIZE)


@dataclass(frozen=True)
class ImageView:
    """A small version of an image, normalised (C, Y, X), and its regions.

    `seen` (F, Y, X) is what the networks see of it.
    """

    image: NDArray[np.float32]
    seen: NDArray[np.float32]

    @cached_property
    def _cuts(self) -> tuple[NDArray[np.intp], list[NDArray[np.intp]]]:
        return region_cuts(self.image)

    def find_regions(self) -> None:
        """Find the regions now; they are kept."""
        self._cuts  # noqa: B018

    def averaged(
        self, array: NDArray[np.float32], weight: float = 1.0
    ) -> NDArray[np.float32]:
        """Return (C, Y, X) averaged over the regions of several cuts.

        The average has this `weight` against the pixel itself.
        """
        regions, cuts = self._cuts
        means: NDArray[np.float32] = mean_over_cuts(regions, cuts, array)[:, regions]
        return means if weight >= 1 else weight * means + (1 - weight) * array


@dataclass(frozen=True)
class CachedResult:
    """Labels of an image, for the next run on it, and its view if it was needed."""

    digest: bytes
    hierarchy: LabelHierarchy
    view: ImageView | None

    @classmethod
    def of(
        cls, channels: NDArray[Any], hierarchy: LabelHierarchy, view: ImageView | None
    ) -> CachedResult:
        """Return the result of a raw image (C, Y, X)."""
        return cls(_digest(channels), hierarchy, view)

    def is_of(self, channels: NDArray[Any]) -> bool:
        """Return whether this is the result of a raw image (C, Y, X)."""
        return self.digest == _digest(channels)


def _digest(channels: NDArray[Any]) -> bytes:
    about = f"{channels.shape} {channels.dtype}".encode()
    pixels = np.ascontiguousarray(channels).view(np.uint8).data
    return blake2b(pixels, key=about[:64]).digest()

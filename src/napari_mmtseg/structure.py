"""What carries the classes of an image: intensity, texture, or connected regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.class_hierarchy import ClassHierarchy, ClusterStatistics
from napari_mmtseg.region_labels import region_hierarchy
from napari_mmtseg.regions import sum_by_label
from napari_mmtseg.settings import SegmentationSettings

__all__ = ["Structure", "find_structure"]

_TWO_PHASES = 0.72
"""Variance that two classes explain in an image of objects on a background."""

_INCOHERENT = 0.35
"""Share of it that connected regions keep where intensity is only texture."""

_BALANCED = 0.5


@dataclass(frozen=True)
class Structure:
    """How an image is to be segmented.

    Attributes
    ----------
    merging : {"classes", "regions"}
        Whether pixels that look alike merge first, or neighbouring regions.
    texture : float
        Weight of texture against intensity.
    """

    merging: str
    texture: float


def find_structure(
    image: NDArray[np.float32],
    clusters: NDArray[Any],
    settings: SegmentationSettings,
) -> Structure:
    """Decide what the settings leave open, from an image at working size.

    Objects on a background (nuclei, phases): two classes of intensity explain most of
    the variance, so pixels that look alike merge. Otherwise neighbouring regions merge
    first, unless the regions keep little of what three classes explain: then light and
    dark alternate faster than regions can follow, and texture carries the classes.

    Parameters
    ----------
    image : (C, Y, X) ndarray of float32
        Normalised image at working size.
    clusters : (Y, X) ndarray of int
        Its clustering by values, from 0.
    settings : SegmentationSettings
        `merging` and `texture` are taken as they are unless automatic.
    """
    merging, texture = settings.merging, settings.texture
    statistics = ClusterStatistics.measure([clusters], [image], int(clusters.max()) + 1)
    hierarchy = ClassHierarchy(statistics)
    if hierarchy.explained(2) >= _TWO_PHASES:
        found = Structure("classes", 0.0)
    else:
        small, merges = region_hierarchy(image)
        cut = merges.cut(merges.n_above(settings.region_threshold))
        kept = _explained(cut[small], image) / max(hierarchy.explained(3), 1e-12)
        if kept < _INCOHERENT:
            found = Structure("classes", _BALANCED)
        else:
            # Who gives a number of classes thinks of classes, not of places.
            first = "regions" if settings.n_labels is None else "classes"
            found = Structure(first, 0.0)
    return Structure(
        found.merging if merging == "auto" else merging,
        found.texture if texture is None else texture,
    )


def _explained(regions: NDArray[Any], image: NDArray[np.float32]) -> float:
    sizes, sums = sum_by_label(regions, image, int(regions.max()) + 1)
    center = sums.sum(0) / sizes.sum()
    between = sizes @ ((sums / sizes[:, np.newaxis] - center) ** 2).sum(1)
    total = float(image.var(axis=(1, 2)).sum()) * regions.size
    return float(between / total) if total > 0 else 1.0

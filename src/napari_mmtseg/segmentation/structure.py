"""Choice between classes of intensity, of texture and of connected regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import find_boundaries

from napari_mmtseg.images.features import gradient_magnitude, local_deviation
from napari_mmtseg.images.texture import AnyTexture, Texture, TextureEnergy
from napari_mmtseg.labels.cluster_merging import ClusterMerging, ClusterStatistics
from napari_mmtseg.labels.region_finding import region_hierarchy
from napari_mmtseg.labels.regions import sum_by_label
from napari_mmtseg.segmentation.textures import find_textures
from napari_mmtseg.settings.fields import SegmentationSettings

_DISTINCT = 0.93
"""Variance that three classes explain in an image of objects on a background."""

_COARSE = 1.0
"""Height of the cut whose regions are measured."""

_INCOHERENT = 0.45
"""Share of that variance that regions keep where intensity is only texture."""

_SHARP = 2.4
"""Gradient on class borders over that elsewhere, from which borders count as edges."""

_BETWEEN = 0.5
"""Variance of texture between slices over that within them, from which it counts as
focus: .6 where slices are blurred more and more, .45 where separate micrographs are put
into one stack, below .06 in volumes and time series."""

_BALANCED = 0.5
_FINE = 2.0
"""Window of texture in pixels where none is given and no wide one finds textures."""

_WIDE = 5.0
"""Window from which details of several sizes fit in, so that each is a feature."""

_EDGE_SIGMA = 0.7


@dataclass(frozen=True)
class Structure:
    """The way to segment an image: `merging`, and what texture counts for.

    With "classes" pixels that look alike merge first, with "regions" neighbouring ones.
    `texture` is its weight, `scale` the standard deviation in pixels of its window, and
    `n_textures` their number if a wide window tells several apart.
    """

    merging: str
    texture: float
    scale: float = _FINE
    n_textures: int = 1

    def with_window(
        self, image: NDArray[np.float32], settings: SegmentationSettings
    ) -> Structure:
        """Choose the window of texture by a normalised image (C, Y, X)."""
        if settings.texture_scale is not None:
            return replace(self, scale=settings.texture_scale)
        if not self.texture or image.ndim > 3:
            return self
        n, window = find_textures(image, self.texture)
        return replace(self, scale=window, n_textures=n) if n > 1 else self

    def features(
        self, images: Sequence[NDArray[np.float32]]
    ) -> tuple[AnyTexture, list[NDArray[np.float32]]]:
        """Return what makes network input of normalised images (C, Y, X), and it."""
        if self.texture and self.scale >= _WIDE:
            return TextureEnergy.fit(images, self.texture, self.scale)
        texture = Texture.fit(images, self.texture, self.scale)
        return texture, [texture.apply(image) for image in images]


def find_structure(
    image: NDArray[np.float32],
    clusters: NDArray[Any],
    settings: SegmentationSettings,
    *,
    grey: bool,
    photograph: bool,
) -> Structure:
    """Choose automatic merging and texture by an image at working size.

    If the connected regions of a grey image keep little of what three classes of
    intensity explain, and the borders of two classes do not follow edges, light and
    dark alternate faster than regions can follow: texture carries the classes. In a
    photograph neighbouring regions merge first, unless three classes explain nearly
    everything or their number is given. In all others pixels that look alike merge.

    `image` (C, Y, X) is normalised, `clusters` (Y, X) are those of its values, from 0.
    """
    merging, texture = settings.merging, settings.texture
    statistics = ClusterStatistics.measure([clusters], [image], int(clusters.max()) + 1)
    hierarchy = ClusterMerging(statistics)
    explained = hierarchy.explained(3)
    small, merges = region_hierarchy(image)
    regions = merges.cut(merges.n_above(_COARSE))[small]
    kept = _explained(regions, image) / max(explained, 1e-12)
    blurred = _sharpness(hierarchy.groups(2)[clusters], image) < _SHARP
    textured = grey and kept < _INCOHERENT and blurred
    if merging == "auto":
        # With n_labels given, merge by class, not by region.
        distinct = explained >= _DISTINCT or settings.n_labels is not None
        merging = "regions" if photograph and not distinct else "classes"
    if texture is None:
        texture = _BALANCED if textured else 0.0
    return Structure(merging, texture)


def focus_differs(slices: Sequence[NDArray[Any]], scale: float) -> bool:
    """Return whether texture differs more between the slices of a stack than in them.

    Then the focus or the exposure changes, and classes of texture would be those of
    sharp and of blurred slices. Slices are raw pixels (C, Y, X) of the same place;
    `scale` is the standard deviation in pixels of the window of texture.
    """
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        for image in slices:
            values = np.nan_to_num(image[0].astype(np.float32), posinf=0, neginf=0)
            found.append(local_deviation(values - values.mean(), scale))
    between = float(np.var([texture.mean() for texture in found]))
    within = float(np.mean([texture.var() for texture in found]))
    return between > _BETWEEN * within


def _explained(regions: NDArray[Any], image: NDArray[np.float32]) -> float:
    sizes, sums = sum_by_label(regions, image, int(regions.max()) + 1)
    center = sums.sum(0) / sizes.sum()
    between = sizes @ ((sums / sizes[:, np.newaxis] - center) ** 2).sum(1)
    total = float(image.var(axis=(1, 2)).sum()) * regions.size
    return float(between / total) if total > 0 else 1.0


def _sharpness(labels: NDArray[Any], image: NDArray[np.float32]) -> float:
    energy = gradient_magnitude(image, _EDGE_SIGMA) ** 2
    border = find_boundaries(labels, connectivity=1, mode="thick")
    if border.all() or not border.any():
        return 1.0
    return float(np.sqrt(energy[border].mean() / max(energy[~border].mean(), 1e-12)))

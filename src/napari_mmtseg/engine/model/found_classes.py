"""Classes that a model found by itself: response channels that look alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_mmtseg.images.features import smooth
from napari_mmtseg.labels.class_number import count_classes
from napari_mmtseg.labels.cluster_merging import ClusterMerging, ClusterStatistics
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.ward import brightness_ranks
from napari_mmtseg.settings.fields import SegmentationSettings

_SMOOTHING = 1.0
"""Standard deviation in pixels of the blur under which classes are compared."""


@dataclass(frozen=True)
class FoundClasses:
    """Response channels that look alike share a class, for every number of classes.

    `statistics` are of the cluster maps of the images that the model was fitted on,
    `ordered_by` is the feature by which classes are numbered, and `automatic` the class
    count unless it is set.
    """

    statistics: ClusterStatistics
    ordered_by: int
    automatic: int

    @classmethod
    def measure(
        cls,
        clusters: Sequence[NDArray[np.int64]],
        images: Sequence[NDArray[np.float32]],
        settings: SegmentationSettings,
        automatic: int | None = None,
    ) -> FoundClasses:
        """Measure the channels of cluster maps (Y, X) of network input (C, Y, X).

        Unless `automatic` is known, `min_labels` and `merge_threshold` of the settings
        decide on it.
        """
        if _is_constant(images):
            clusters = [np.zeros_like(c) for c in clusters]
        smoothed = [smooth(image, _SMOOTHING) for image in images]
        statistics = ClusterStatistics.measure(clusters, smoothed, settings.max_labels)
        if automatic is None:
            found = count_classes(clusters, images, settings.merge_threshold)
            automatic = max(found, settings.min_labels)
        automatic = min(automatic, int(np.count_nonzero(statistics.sizes)))
        # Texture alone: from smooth to rough.
        ordered_by = len(images[0]) - 1 if settings.texture == 1 else 0
        return cls(statistics, ordered_by, automatic)

    @property
    def n_clusters(self) -> int:
        """Number of channels that have pixels: the largest number of classes."""
        return self._merging.n_clusters

    def n_labels(self, n_labels: int | None) -> int:
        """Return how many classes a result has when `n_labels` are asked for."""
        return min(n_labels or self.automatic, self.n_clusters)

    def numbers(self, n_labels: int | None) -> NDArray[np.int32]:
        """Return the class, 1..k from dark to bright, of every channel, (q,)."""
        group = self._merging.groups(self.n_labels(n_labels))
        brightness = self.statistics.means[:, self.ordered_by]
        ranks = brightness_ranks(group, brightness, self.statistics.sizes)
        numbers: NDArray[np.int32] = ranks[group].astype(np.int32)
        return numbers

    def hierarchy(
        self, clusters: NDArray[Any], settings: SegmentationSettings, n_dims: int
    ) -> LabelHierarchy:
        """Return the labels of a cluster map for every number of classes.

        `n_dims`: axes along which pixels are connected.
        """
        rows = [self.numbers(k + 1) - 1 for k in range(self.n_clusters)]
        return LabelHierarchy(
            clusters,
            np.stack(rows),
            self.statistics.sizes,
            self.n_labels(settings.n_labels),
            self.n_labels(None),
            min_region_size=settings.min_region_size,
            n_spatial=n_dims,
        )

    def state(self, prefix: str) -> dict[str, Tensor]:
        """Return all numbers by name."""
        fields = {
            **asdict(self.statistics),
            "ordered_by": self.ordered_by,
            "automatic": self.automatic,
        }
        return {f"{prefix}.{name}": torch.as_tensor(v) for name, v in fields.items()}

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], prefix: str) -> FoundClasses:
        """Restore what :meth:`state` returned."""

        def value(name: str) -> Any:
            return state[f"{prefix}.{name}"].numpy()

        return cls(
            ClusterStatistics(
                sizes=value("sizes"),
                means=value("means"),
                lengths=value("lengths"),
                contrasts=value("contrasts"),
                spread=float(value("spread")),
            ),
            int(value("ordered_by")),
            int(value("automatic")),
        )

    @cached_property
    def _merging(self) -> ClusterMerging:
        return ClusterMerging(self.statistics)


def _is_constant(images: Sequence[NDArray[np.float32]]) -> bool:
    pixels = np.concatenate([image.reshape(len(image), -1) for image in images], axis=1)
    return bool(np.ptp(pixels, axis=1).max() < 1e-5)

"""Readouts: ways from the responses of a model to the classes that it found.

Each readout has ``n_labels``, ``hierarchy`` and ``confidence``, like that of painted
classes, :class:`~napari_mmtseg.engine.model.painted_classes.PaintedClasses`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_mmtseg.engine.model.confidence import (
    averaged_confidence,
    class_confidence,
    region_confidence,
)
from napari_mmtseg.engine.model.found_classes import FoundClasses
from napari_mmtseg.engine.model.inference import Hierarchies, Inference, Raw, Steps
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.region_classes import RegionClasses
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.settings.fields import SegmentationSettings


@dataclass(frozen=True)
class PixelReadout:
    """Every pixel takes the class of its own cluster."""

    found: FoundClasses
    name: ClassVar[str] = "pixels"

    def n_labels(self, n_labels: int | None) -> int:
        """Return how many classes a result has when `n_labels` are asked for."""
        return self.found.n_labels(n_labels)

    def clusters(self, inference: Inference, image: Raw) -> Steps:
        """Return the cluster of every pixel of a raw image (C, Y, X)."""
        return inference.clusters(image)

    def hierarchy(
        self, inference: Inference, image: Raw, settings: SegmentationSettings
    ) -> Hierarchies:
        """Return the labels of a raw image (C, Y, X) for every number of classes."""
        clusters = yield from self.clusters(inference, image)
        return self.found.hierarchy(clusters, settings, inference.consensus.n_dims)

    def confidence(
        self, inference: Inference, image: Raw, settings: SegmentationSettings
    ) -> Steps:
        """Return the confidence in these labels, (Y, X)."""
        classes = self.found.numbers(settings.n_labels) - 1
        return class_confidence(inference, image, classes)


@dataclass(frozen=True)
class AveragedReadout(PixelReadout):
    """Responses are averaged over small regions first."""

    name: ClassVar[str] = "averaged"

    def clusters(self, inference: Inference, image: Raw) -> Steps:
        """Return the cluster of every pixel of a raw image (C, Y, X)."""
        small = yield from inference.averaged_clusters(inference.view(image))
        return enlarge(small, image.shape[1:])

    def confidence(
        self, inference: Inference, image: Raw, settings: SegmentationSettings
    ) -> Steps:
        """Return the confidence in these labels, (Y, X)."""
        classes = self.found.numbers(settings.n_labels) - 1
        return averaged_confidence(inference, image, classes)


@dataclass(frozen=True)
class RegionReadout:
    """Neighbouring regions merge, and each takes the class that it looks most like.

    `fitted` are the regions of the image that the model was fitted on, whose classes
    those of every image take. Without them every image has classes of its own.
    """

    fitted: RegionClasses | None = None
    name: ClassVar[str] = "regions"

    def n_labels(self, n_labels: int | None) -> int:
        """Return how many classes a result has when `n_labels` are asked for."""
        assert self.fitted is not None
        return min(n_labels or self.fitted.automatic, self.fitted.n_regions)

    def hierarchy(
        self, inference: Inference, image: Raw, settings: SegmentationSettings
    ) -> Hierarchies:
        """Return the labels of a raw image (C, Y, X) for every number of classes."""
        at_least = settings.n_labels or 1
        regions, here = yield from inference.regions(
            image, settings.region_threshold, at_least
        )
        return self.hierarchy_of(regions, here, settings)

    def hierarchy_of(
        self,
        regions: NDArray[np.int32],
        here: RegionClasses,
        settings: SegmentationSettings,
    ) -> LabelHierarchy:
        """Return the labels of an image whose regions are found already."""
        at_least = settings.n_labels or 1
        known = self._known(here, at_least)
        if known is here:
            table = here.table(at_least)
        else:
            table = np.stack(
                [known.nearest(here, k + 1) for k in range(known.n_levels(at_least))]
            )
        return LabelHierarchy(
            regions,
            table,
            here.sizes,
            min(settings.n_labels or known.automatic, known.n_regions),
            known.automatic,
            regions=regions,
            min_region_size=settings.min_region_size,
            merging="regions",
        )

    def confidence(
        self, inference: Inference, image: Raw, settings: SegmentationSettings
    ) -> Steps:
        """Return the confidence in these labels, (Y, X)."""
        at_least = settings.n_labels or 1
        return region_confidence(
            inference,
            image,
            settings.region_threshold,
            at_least,
            lambda here: self._known(here, at_least).assign(here, settings.n_labels),
        )

    def _known(self, here: RegionClasses, at_least: int) -> RegionClasses:
        """Return the regions whose classes those of an image take."""
        if self.fitted is None or self.fitted.n_regions < at_least:
            return here
        return self.fitted

    def state(self) -> dict[str, Tensor]:
        """Return all numbers by name."""
        assert self.fitted is not None
        return {
            f"region_classes.{name}": torch.as_tensor(value)
            for name, value in asdict(self.fitted).items()
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> RegionReadout:
        """Restore what :meth:`state` returned."""
        means, sizes, lightness, variance = (
            state[f"region_classes.{name}"].numpy()
            for name in ("means", "sizes", "lightness", "variance")
        )
        return cls(RegionClasses(means, sizes, lightness, float(variance)))

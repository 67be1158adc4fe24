"""The classes of a fitted model and the readout that finds them in an image."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_mmtseg.engine.model.found_classes import FoundClasses
from napari_mmtseg.engine.model.inference import Hierarchies, Inference, Steps
from napari_mmtseg.engine.model.painted_classes import PaintedClasses
from napari_mmtseg.engine.model.readouts import (
    AveragedReadout,
    PixelReadout,
    RegionReadout,
)
from napari_mmtseg.images.crops import sample_frame
from napari_mmtseg.images.light_field import whole
from napari_mmtseg.images.stack import Frame
from napari_mmtseg.images.tiles import Tile
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.settings.fields import SegmentationSettings

AnyReadout = PixelReadout | AveragedReadout | RegionReadout | PaintedClasses


@dataclass
class Readout:
    """The networks of a fitted model and every way to find its classes.

    Classes are found by the response of every pixel, by responses averaged over small
    regions, or by merged regions; `painted` are the classes of scribbles.
    """

    inference: Inference
    pixels: PixelReadout
    averaged: AveragedReadout | None = None
    regions: RegionReadout | None = None
    painted: PaintedClasses | None = None

    def for_image(self, image: NDArray[Any] | Frame) -> Readout:
        """Return the classes as they are found in a raw image (C, Y, X)."""
        each = self.inference.normalization.each or self.inference.illumination.each
        if not each:
            return self
        parts = sample_frame(image) if isinstance(image, Frame) else [whole(image)]
        return replace(self, inference=self.inference.for_image(*parts))

    def fitted(self, n_labels: int | None) -> AnyReadout:
        """Return the readout that the model was fitted with."""
        return self.painted or self.regions or self._of_clusters(n_labels)

    def _of_clusters(self, n_labels: int | None) -> PixelReadout | AveragedReadout:
        # Regions may be too few for the number of classes that is asked for.
        if self.averaged and self.averaged.found.n_clusters >= (n_labels or 1):
            return self.averaged
        return self.pixels

    def _chosen(self, settings: SegmentationSettings) -> AnyReadout:
        if settings.merging == "regions":
            return self.regions or RegionReadout()
        return self.painted or self._of_clusters(settings.n_labels)

    def find(
        self, channels: NDArray[Any], settings: SegmentationSettings
    ) -> Hierarchies:
        """Return the labels of a raw image (C, Y, X) for every number of classes.

        `merging` of the settings decides what merges, `n_labels` how far.
        """
        return self._chosen(settings).hierarchy(self.inference, channels, settings)

    def confidence(
        self, channels: NDArray[Any], settings: SegmentationSettings
    ) -> Steps:
        """Return the confidence in what :meth:`find` finds, (Y, X)."""
        return self._chosen(settings).confidence(self.inference, channels, settings)

    def cluster_tiles(
        self, image: Any, window: tuple[slice, ...], tile_size: int | None = None
    ) -> Iterator[tuple[Tile, NDArray[Any]]]:
        """Yield tiles of a part of an image, and the cluster of each of their pixels.

        Every pixel by its own response, whatever the readout, since a large image is
        never seen as a whole; painted classes instead of clusters. See
        :meth:`Inference.cluster_tiles`.
        """
        for tile, clusters in self.inference.cluster_tiles(image, window, tile_size):
            yield tile, self.painted.of(clusters) if self.painted else clusters

    def merge_tree(
        self,
        settings: SegmentationSettings,
        by_pixels: bool,
        label_values: NDArray[np.int32] | None = None,
    ) -> LabelHierarchy:
        """Return the classes that the clusters of a stack form, without their pixels.

        `by_pixels`: the clusters are those of :meth:`cluster_tiles`.
        """
        tree = self._merge_tree(settings, by_pixels)
        return tree if label_values is None else tree.relabelled(label_values)

    def _merge_tree(
        self, settings: SegmentationSettings, by_pixels: bool
    ) -> LabelHierarchy:
        nothing = np.zeros((0, 0), np.uint8)
        if self.painted is not None:
            return self.painted.hierarchy_of(nothing, settings)
        if settings.merging == "regions" and not by_pixels:
            k = self.fitted(settings.n_labels).n_labels(settings.n_labels)
            # The regions that form the classes differ from frame to frame.
            return LabelHierarchy(nothing, np.arange(k)[np.newaxis], np.ones(k), k, k)
        readout = self.pixels if by_pixels else self._of_clusters(settings.n_labels)
        n_dims = self.inference.consensus.n_dims
        return readout.found.hierarchy(nothing, settings, n_dims)

    def measure_averaged(
        self, images: Sequence[NDArray[Any]], settings: SegmentationSettings
    ) -> Generator[float, None, LabelHierarchy | None]:
        """Measure the classes of responses averaged over small regions of raw images.

        On the regions by which images are labelled: those of an image at working size
        differ, and so would the classes. Returns the labels of the only image, if it is
        labelled by these classes.
        """
        clusters, seen = [], []
        for image in images:
            inference = self.for_image(image).inference
            view = inference.view(image)
            clusters.append((yield from inference.averaged_clusters(view)))
            seen.append(view.seen)
        # As many as at working size: one number for all ways to find the classes.
        automatic = self.pixels.found.automatic
        found = FoundClasses.measure(clusters, seen, settings, automatic)
        self.averaged = AveragedReadout(found)
        if len(images) > 1 or self._of_clusters(settings.n_labels) is self.pixels:
            return None
        whole = enlarge(clusters[0], images[0].shape[1:])
        return found.hierarchy(whole, settings, self.inference.consensus.n_dims)

    def fit_regions(
        self, channels: NDArray[Any], settings: SegmentationSettings
    ) -> Hierarchies:
        """Merge the regions of the raw image that the model is fitted on.

        The regions of every later image take the class with the nearest mean response.
        """
        regions, here = yield from self.for_image(channels).inference.regions(
            channels, settings.region_threshold, settings.n_labels or 1
        )
        self.regions = RegionReadout(here)
        return self.regions.hierarchy_of(regions, here, settings)

    def state(self) -> dict[str, Tensor]:
        """Return the weights and all numbers by name."""
        state = self.inference.consensus.state() | self.pixels.found.state("classes")
        if self.averaged is not None:
            state |= self.averaged.found.state("averaged_classes")
        for readout in (self.regions, self.painted):
            if readout is not None:
                state |= readout.state()
        return state

    @classmethod
    def from_state(cls, inference: Inference, state: Mapping[str, Tensor]) -> Readout:
        """Restore what :meth:`state` returned."""
        readout = cls(
            inference, PixelReadout(FoundClasses.from_state(state, "classes"))
        )
        if "averaged_classes.sizes" in state:
            found = FoundClasses.from_state(state, "averaged_classes")
            readout.averaged = AveragedReadout(found)
        if "region_classes.sizes" in state:
            readout.regions = RegionReadout.from_state(state)
        if "given.values" in state:
            readout.painted = PaintedClasses.from_state(state)
        return readout

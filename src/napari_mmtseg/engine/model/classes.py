"""What a fitted model knows of classes, and how it finds them in an image."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.engine.model.confidence import (
    averaged_confidence,
    class_confidence,
    given_confidence,
    region_confidence,
)
from napari_mmtseg.engine.model.found_classes import FoundClasses
from napari_mmtseg.engine.model.image_view import ImageView
from napari_mmtseg.engine.model.inference import Inference
from napari_mmtseg.engine.model.painted_classes import PaintedClasses
from napari_mmtseg.engine.model.tiles import Tile
from napari_mmtseg.images.crops import sample_frame
from napari_mmtseg.images.stack import Frame
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.region_classes import RegionClasses
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["Readout"]

_SURE = 0.5
"""Difference in probability from which the networks overrule labels as they were."""

Hierarchies = Generator[float, None, LabelHierarchy]


@dataclass
class Readout:
    """The classes of a fitted model, in all the ways in which it can find them.

    Attributes
    ----------
    inference : Inference
        The networks whose mean response decides, and what they see of an image.
    classes : FoundClasses
        The classes that the networks' response channels form.
    averaged : FoundClasses or None
        The same where responses are averaged over small regions first.
    regions : RegionClasses or None
        The regions of the image that the model was fitted on, where neighbouring
        regions merge before they are given a class.
    given : PaintedClasses or None
        The classes where those were painted.
    """

    inference: Inference
    classes: FoundClasses
    averaged: FoundClasses | None = None
    regions: RegionClasses | None = None
    given: PaintedClasses | None = None

    def at(self, image: NDArray[Any] | Frame) -> Readout:
        """Return the classes as they are found in a raw image (C, Y, X)."""
        if not self.inference.normalization.each:
            return self
        parts = [image] if isinstance(image, np.ndarray) else sample_frame(image)
        return replace(self, inference=self.inference.at(*parts))

    def n_labels(self, n_labels: int | None) -> int:
        """Return how many classes there are where so many are asked for."""
        if self.given is not None:
            return min(n_labels or len(self.given.values), len(self.given.values))
        if self.regions is not None:
            return min(n_labels or self.regions.automatic, self.regions.n_regions)
        classes = self.of_channels(n_labels)
        return min(n_labels or classes.automatic, classes.finest)

    def readout(self, n_labels: int | None) -> str:
        """Return how responses become classes, as in :class:`PaintedClasses`."""
        if self.given is not None:
            return self.given.readout
        if self.regions is not None:
            return "regions"
        averaged = self.of_channels(n_labels)
        return "averaged" if averaged is self.averaged else "pixels"

    def find(
        self,
        channels: NDArray[Any],
        settings: SegmentationSettings,
    ) -> Hierarchies:
        """Return the labels of a raw image for every number of classes.

        Parameters
        ----------
        channels : (C, Y, X) ndarray
            Raw image.
        settings : SegmentationSettings
            `merging` decides what merges, `n_labels` how far.

        Yields
        ------
        float
            Finished fraction.

        Returns
        -------
        LabelHierarchy
        """
        if settings.merging == "regions":
            return self.merge_regions(channels, settings)
        if self.given is not None:
            return self.read_given(channels, settings)
        return self.merge_channels(channels, settings)

    def confidence(
        self,
        channels: NDArray[Any],
        settings: SegmentationSettings,
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Return the confidence in what :meth:`find` finds, (Y, X)."""
        at_least = settings.n_labels or 1
        if settings.merging == "regions":
            return region_confidence(
                self.inference,
                channels,
                settings.region_threshold,
                at_least,
                lambda here: self.known_regions(here, at_least).assign(
                    here, settings.n_labels
                ),
            )
        if self.given is not None:
            return self._given_confidence(channels, settings.n_labels)
        classes = self.of_channels(settings.n_labels)
        fitted = min(settings.n_labels or classes.automatic, classes.finest)
        groups = classes.numbers(fitted) - 1
        if classes is self.averaged:
            return averaged_confidence(self.inference, channels, groups)
        return class_confidence(self.inference, channels, groups)

    def of_channels(self, n_labels: int | None) -> FoundClasses:
        """Return the classes of response channels where so many are asked for."""
        averaged = self.averaged
        # Regions may be too few for the number of classes that is asked for.
        if averaged is not None and averaged.finest >= (n_labels or 1):
            return averaged
        return self.classes

    def cluster_tiles(
        self, image: Any, window: tuple[slice, ...], tile_size: int | None = None
    ) -> Iterator[tuple[Tile, NDArray[Any]]]:
        """Yield tiles of a part of an image, and the cluster of each of their pixels.

        Every pixel by its own response, whatever the readout: what an image is too
        large for to be looked at as a whole. Parameters are those of
        :meth:`Inference.cluster_tiles`.
        """
        class_of = None if self.given is None else self.given.channels.argmax(0)
        for tile, clusters in self.inference.cluster_tiles(image, window, tile_size):
            yield tile, clusters if class_of is None else class_of[clusters]

    def merge_tree(
        self, settings: SegmentationSettings, by_pixels: bool = False
    ) -> LabelHierarchy:
        """Return the classes that the clusters of a stack form, without their pixels.

        Parameters
        ----------
        settings : SegmentationSettings
            As for :meth:`find`.
        by_pixels : bool
            The clusters are those of :meth:`cluster_tiles`.
        """
        nothing = np.zeros((0, 0), np.uint8)
        if self.given is not None:
            return self._given_hierarchy(nothing, settings)
        if settings.merging == "regions" and not by_pixels:
            k = self.n_labels(settings.n_labels)
            # What forms the classes is different in every frame.
            return LabelHierarchy(nothing, np.arange(k)[np.newaxis], np.ones(k), k, k)
        classes = self.classes if by_pixels else self.of_channels(settings.n_labels)
        return self._channel_hierarchy(nothing, classes, settings)

    def known_regions(self, here: RegionClasses, at_least: int) -> RegionClasses:
        """Return the regions whose classes those of an image take."""
        known = self.regions
        return here if known is None or known.n_regions < at_least else known

    def measure_averaged(
        self, images: Sequence[NDArray[Any]], settings: SegmentationSettings
    ) -> Generator[float, None, LabelHierarchy | None]:
        """Measure the classes that responses averaged over small regions form.

        On the regions by which images are labelled: those of an image at working size
        are others, and what is measured there does not hold for them.

        Parameters
        ----------
        images : sequence of (C, Y, X) ndarray
            The raw images that the model is fitted on.
        settings : SegmentationSettings
            As for :func:`~napari_mmtseg.engine.model.freezing.freeze_classes`.

        Yields
        ------
        float
            Finished fraction of one image.

        Returns
        -------
        LabelHierarchy or None
            Of the only image, where these classes are what it is labelled by.
        """
        clusters, seen = [], []
        for image in images:
            inference = self.at(image).inference
            view = inference.view(image)
            clusters.append((yield from inference.averaged_clusters(view)))
            seen.append(view.seen)
        self.averaged = FoundClasses.measure(clusters, seen, settings)
        classes = self.of_channels(settings.n_labels)
        if len(images) > 1 or classes is not self.averaged:
            return None
        finest = enlarge(clusters[0], images[0].shape[1:])
        return self._channel_hierarchy(finest, classes, settings)

    def merge_channels(
        self, channels: NDArray[Any], settings: SegmentationSettings
    ) -> Hierarchies:
        """Merge the clusters of pixels."""
        classes = self.of_channels(settings.n_labels)
        if classes is self.averaged:
            clusters = yield from self.inference.averaged_clusters(
                self.inference.view(channels)
            )
            clusters = enlarge(clusters, channels.shape[1:])
        else:
            clusters = yield from self.inference.clusters(channels)
        return self._channel_hierarchy(clusters, classes, settings)

    def _channel_hierarchy(
        self,
        clusters: NDArray[Any],
        classes: FoundClasses,
        settings: SegmentationSettings,
    ) -> LabelHierarchy:
        return LabelHierarchy(
            clusters,
            classes.table(),
            classes.statistics.sizes,
            min(settings.n_labels or classes.automatic, classes.finest),
            min(classes.automatic, classes.finest),
            min_region_size=settings.min_region_size,
            n_spatial=self.inference.consensus.n_dims,
        )

    def merge_regions(
        self,
        channels: NDArray[Any],
        settings: SegmentationSettings,
        keep: bool = False,
    ) -> Hierarchies:
        """Merge neighbouring regions first; with `keep`, they are known then."""
        at_least = settings.n_labels or 1
        regions, here = yield from self.inference.regions(
            channels, settings.region_threshold, at_least
        )
        if keep:
            self.regions = here
        known = self.known_regions(here, at_least)
        if known is here:
            table = here.table(at_least)
        else:
            table = np.stack(
                [known.nearest(here, k + 1) for k in range(known.n_levels(at_least))]
            )
        fitted = min(settings.n_labels or known.automatic, known.n_regions)
        return LabelHierarchy(
            regions,
            table,
            here.sizes,
            fitted,
            known.automatic,
            regions=regions,
            min_region_size=settings.min_region_size,
            merging="regions",
        )

    def read_given(
        self,
        channels: NDArray[Any],
        settings: SegmentationSettings,
        view: ImageView | None = None,
    ) -> Hierarchies:
        """Give every pixel one of the painted classes."""
        given = self.given
        assert given is not None
        class_of = given.channels.argmax(0)
        if given.readout == "pixels":
            classes = class_of[(yield from self.inference.clusters(channels))]
        elif given.readout == "averaged":
            view = view or self.inference.view(channels)
            classes = class_of[(yield from self.inference.averaged_clusters(view))]
        else:
            view = view or self.inference.view(channels)
            classes = yield from self.inference.given_classes(view, given.channels)
        return self._given_hierarchy(enlarge(classes, channels.shape[1:]), settings)

    def correct(
        self,
        view: ImageView,
        settings: SegmentationSettings,
        expected: NDArray[np.int32],
    ) -> Hierarchies:
        """Leave classes as expected, but where the networks are sure of another."""
        given = self.given
        assert given is not None
        by_regions = given.readout == "regions"
        probabilities = yield from self.inference.given_probabilities(
            view, given.channels, by_regions
        )
        there = enlarge(expected, view.image.shape[1:])
        own = np.take_along_axis(probabilities, there[np.newaxis].astype(np.intp), 0)[0]
        sure = probabilities.max(0) - own > _SURE
        best = probabilities.argmax(0)
        clusters = np.where(
            enlarge(sure, expected.shape), enlarge(best, expected.shape), expected
        )
        return self._given_hierarchy(clusters, settings)

    def _given_confidence(
        self, channels: NDArray[Any], n_labels: int | None
    ) -> Generator[float, None, NDArray[np.float32]]:
        given = self.given
        assert given is not None
        view = self.inference.view(channels)
        k = len(given.values)
        row = given.table()[min(n_labels or k, k) - 1]
        groups = np.stack([given.channels[row == c].any(0) for c in np.unique(row)])
        confidence = yield from given_confidence(
            self.inference, view, groups, given.readout != "pixels"
        )
        return enlarge(confidence, channels.shape[1:])

    def _given_hierarchy(
        self, classes: NDArray[Any], settings: SegmentationSettings
    ) -> LabelHierarchy:
        given = self.given
        assert given is not None
        k = len(given.values)
        return LabelHierarchy(
            classes.astype(np.uint8),
            given.table(),
            given.sizes,
            min(settings.n_labels or k, k),
            k,
            min_region_size=settings.min_region_size,
        )

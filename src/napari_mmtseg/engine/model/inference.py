"""Responses, clusters and regions of an image by the networks of a fitted model."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.engine.model.consensus import Consensus
from napari_mmtseg.engine.model.image_view import ImageView, shrink
from napari_mmtseg.engine.model.tiled_inference import TileFunction, predict_tiles
from napari_mmtseg.images.features import FeatureBank
from napari_mmtseg.images.illumination import EVEN, Illumination
from napari_mmtseg.images.light_field import Part
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.texture import AnyTexture
from napari_mmtseg.images.tiles import Tile
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.region_classes import RegionClasses
from napari_mmtseg.labels.region_finding import find_regions, region_means
from napari_mmtseg.labels.regions import enlarge

Raw = NDArray[Any]
Steps = Generator[float, None, NDArray[Any]]
Hierarchies = Generator[float, None, LabelHierarchy]


@dataclass(frozen=True)
class Inference:
    """The networks of a model and their input.

    `illumination` takes uneven light out of raw pixels, `normalization` makes
    normalised pixel values of these, and `texture` network input.
    """

    consensus: Consensus
    normalization: Normalization
    texture: AnyTexture | FeatureBank
    illumination: Illumination = EVEN

    @property
    def n_responses(self) -> int:
        """Number of response channels, q."""
        return len(self.consensus.channel_orders[0])

    def for_image(self, *parts: Part) -> Inference:
        """Return the same for an image, of which some raw parts suffice."""
        illumination = self.illumination.of(*parts)
        even = [illumination.apply(*part) for part in parts]
        return replace(
            self,
            illumination=illumination,
            normalization=self.normalization.of(*even),
        )

    def clusters(self, channels: NDArray[Any]) -> Steps:
        """Return the cluster, 0..q-1, of every pixel of a raw image, tile by tile."""
        whole: NDArray[Any] = (yield from self.by_tiles(channels, self._clusters))[0]
        return whole

    @property
    def halo(self) -> int:
        """Pixels around a tile that its clusters depend on."""
        return self.consensus.halo + self.texture.halo

    def cluster_tiles(
        self, image: Any, window: tuple[slice, ...], tile_size: int | None = None
    ) -> Iterator[tuple[Tile, NDArray[Any]]]:
        """Yield tiles of a part of a raw image of any size, and their clusters.

        One tile is read at a time. The image is under even light already.
        """
        parts = self.consensus.tiles(
            image.shape[1:], self.texture.halo, tile_size, window
        )
        for tile, clusters in predict_tiles(image, parts, self._of_raw(self._clusters)):
            yield tile, clusters[0]

    def _clusters(self, seen: NDArray[np.float32]) -> NDArray[Any]:
        dtype = np.min_scalar_type(self.n_responses - 1)
        return self.consensus.cluster_map(seen)[np.newaxis].astype(dtype)

    def _of_raw(self, function: TileFunction) -> TileFunction:
        """Return a function of raw pixels for one of network input."""
        return lambda part: function(self.texture.apply(self.normalization.apply(part)))

    def by_tiles(
        self, channels: NDArray[Any], function: TileFunction, halo: int = 0
    ) -> Steps:
        """Return a function of the network input of a raw image, (n, Y, X), by tiles.

        `function` takes the input of a tile (C, y, x), depends on a further `halo` of
        pixels, and returns (n, y, x). Yields the finished fraction.
        """
        parts = self.consensus.tiles(channels.shape[1:], self.texture.halo + halo)
        even = self.illumination.apply(channels)
        return _assembled(even, parts, self._of_raw(function))

    def averaged_clusters(self, view: ImageView) -> Steps:
        """Return the cluster of every small region of a view, by its mean response."""
        response = yield from self.on_view(view, self.consensus.probabilities)
        (averaged,) = region_means(view.image, response)
        clusters: NDArray[Any] = averaged.argmax(0)
        return clusters.astype(np.min_scalar_type(self.n_responses - 1))

    def view(self, channels: NDArray[Any]) -> ImageView:
        """Return the view of a raw image (C, Y, X)."""
        normalized = self.normalization.apply(self.illumination.apply(channels))
        return ImageView(shrink(normalized), self.texture.apply(normalized, shrink))

    def class_probabilities(
        self, view: ImageView, groups: NDArray[np.bool_], by_regions: bool
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Return the probability of every class in the size of a view, (k, Y, X).

        `groups` (k, q) holds the response channels of every class. Averaged over
        regions of several sizes (`by_regions`), classes meet at edges.
        """
        summed = groups.astype(np.float32)

        def of_tile(tile: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.tensordot(summed, self.consensus.probabilities(tile), 1)

        probabilities = yield from self.on_view(view, of_tile)
        return view.averaged(probabilities) if by_regions else probabilities

    def on_view(self, view: ImageView, function: TileFunction) -> Steps:
        """Return a function of a view, (n, y, x); see :meth:`by_tiles`."""
        parts = self.consensus.tiles(view.seen.shape[1:])
        return _assembled(view.seen, parts, function, n_more=1)

    def regions(
        self, channels: NDArray[Any], threshold: float, at_least: int
    ) -> Generator[float, None, tuple[NDArray[np.int32], RegionClasses]]:
        """Return the regions of a raw image, from 0, and the classes that they form.

        See :func:`~napari_mmtseg.labels.region_finding.find_regions`.
        """
        image, response = yield from self.responses(
            channels, self.consensus.probabilities
        )
        regions, classes = find_regions(image, response, threshold, at_least)
        return enlarge(regions.astype(np.int32), channels.shape[1:]), classes

    def responses(
        self, channels: NDArray[Any], function: TileFunction
    ) -> Generator[float, None, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return the normalised image and a function of it, both at most 1024 wide."""
        view = self.view(channels)
        return view.image, (yield from self.on_view(view, function))


def _assembled(
    image: NDArray[Any], parts: Sequence[Tile], function: TileFunction, n_more: int = 0
) -> Steps:
    """Join the values of tiles, leaving `n_more` steps of the progress to others."""
    whole: NDArray[Any] | None = None
    done, n_pixels = 0, int(np.prod(image.shape[1:]))
    for tile, values in predict_tiles(image, parts, function):
        if whole is None:
            whole = np.empty((len(values), *image.shape[1:]), values.dtype)
        whole[(slice(None), *tile.core)] = values
        done += values[0].size
        yield done / n_pixels * len(parts) / (len(parts) + n_more)
    assert whole is not None
    return whole

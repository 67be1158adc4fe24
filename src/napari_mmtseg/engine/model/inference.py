"""How a fitted model sees an image: clusters of pixels, or regions."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.engine.model.consensus import Consensus
from napari_mmtseg.engine.model.image_view import ImageView, shrink
from napari_mmtseg.engine.model.tiled_inference import TileFunction, predict_tiles
from napari_mmtseg.engine.model.tiles import Tile
from napari_mmtseg.images.features import FeatureBank, Texture
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.labels.region_classes import RegionClasses
from napari_mmtseg.labels.region_finding import find_regions, region_means
from napari_mmtseg.labels.regions import enlarge

__all__ = ["Inference"]

Steps = Generator[float, None, NDArray[Any]]


@dataclass(frozen=True)
class Inference:
    """How a fitted model sees images.

    Attributes
    ----------
    consensus : Consensus
        The networks whose mean response decides.
    normalization : Normalization
        How raw pixel values become normalised ones.
    texture : Texture or FeatureBank
        How those become network input.
    """

    consensus: Consensus
    normalization: Normalization
    texture: Texture | FeatureBank

    @property
    def n_responses(self) -> int:
        """Number of response channels, q."""
        return len(self.consensus.channel_orders[0])

    def at(self, *parts: NDArray[Any]) -> Inference:
        """Return how an image is seen, of which some raw parts (C, Y, X) are known."""
        return replace(self, normalization=self.normalization.of(*parts))

    def clusters(self, channels: NDArray[Any]) -> Steps:
        """Return the cluster of every pixel, tile by tile.

        Parameters
        ----------
        channels : (C, Y, X) ndarray
            Raw image.

        Yields
        ------
        float
            Finished fraction.

        Returns
        -------
        (Y, X) ndarray of int, 0..q-1
        """
        whole: NDArray[Any] = (yield from self.by_tiles(channels, self._clusters))[0]
        return whole

    @property
    def halo(self) -> int:
        """Pixels around a tile that its clusters depend on."""
        return self.consensus.halo + self.texture.halo

    def cluster_tiles(
        self, image: Any, window: tuple[slice, ...], tile_size: int | None = None
    ) -> Iterator[tuple[Tile, NDArray[Any]]]:
        """Yield tiles of a part of an image, and the cluster of each of their pixels.

        Parameters
        ----------
        image : array-like, (C, Y, X)
            Raw image of any size, of which one tile is read at a time.
        window : tuple of slice
            The part.
        tile_size : int, optional
            Side of the tiles.
        """
        pieces = self.consensus.tiles(
            image.shape[1:], self.texture.halo, tile_size, window
        )
        for tile, clusters in predict_tiles(image, pieces, self._look(self._clusters)):
            yield tile, clusters[0]

    def _clusters(self, seen: NDArray[np.float32]) -> NDArray[Any]:
        dtype = np.min_scalar_type(self.n_responses - 1)
        return self.consensus.cluster_map(seen)[np.newaxis].astype(dtype)

    def _look(self, answer: TileFunction) -> TileFunction:
        """Return a function of raw pixels instead of what the networks see."""
        return lambda part: answer(self.texture.apply(self.normalization.apply(part)))

    def by_tiles(
        self, channels: NDArray[Any], answer: TileFunction, halo: int = 0
    ) -> Steps:
        """Return what a function makes of the networks' input, tile by tile.

        Parameters
        ----------
        channels : (C, Y, X) ndarray
            Raw image.
        answer : callable
            Takes what the networks see of a tile, (C, y, x), and returns (n, y, x).
        halo : int
            Pixels around a tile that `answer` depends on, beside the networks' own.

        Yields
        ------
        float
            Finished fraction.

        Returns
        -------
        (n, Y, X) ndarray
        """
        pieces = self.consensus.tiles(channels.shape[1:], self.texture.halo + halo)
        return _assembled(channels, pieces, self._look(answer))

    def averaged_clusters(self, view: ImageView) -> Steps:
        """Return the cluster of every small region of a view, by its mean response.

        For the rest, see :meth:`clusters`.
        """
        response = yield from self.of_view(view, self.consensus.probabilities)
        (averaged,) = region_means(view.image, response)
        clusters: NDArray[Any] = averaged.argmax(0)
        return clusters.astype(np.min_scalar_type(self.n_responses - 1))

    def view(self, channels: NDArray[Any]) -> ImageView:
        """Look at a raw image (C, Y, X)."""
        normalized = self.normalization.apply(channels)
        return ImageView(shrink(normalized), self.texture.apply(normalized, shrink))

    def given_classes(
        self, view: ImageView, groups: NDArray[np.bool_]
    ) -> Generator[float, None, NDArray[np.intp]]:
        """Return the class of every pixel, where borders are edges of the image.

        Parameters
        ----------
        view : ImageView
            Of the image.
        groups : (k, q) ndarray of bool
            The response channels of every class.

        Yields
        ------
        float
            Finished fraction.

        Returns
        -------
        (Y, X) ndarray of int, 0..k-1
            In the size of the view.
        """
        probabilities = yield from self.given_probabilities(view, groups, True)
        classes: NDArray[np.intp] = probabilities.argmax(0)
        return classes

    def given_probabilities(
        self, view: ImageView, groups: NDArray[np.bool_], by_regions: bool
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Return the probability of every class, (k, Y, X).

        Parameters
        ----------
        view, groups
            As for :meth:`given_classes`.
        by_regions : bool
            Average them over regions.
        """
        summed = groups.astype(np.float32)

        def answer(part: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.tensordot(summed, self.consensus.probabilities(part), 1)

        probabilities = yield from self.of_view(view, answer)
        return view.averaged(probabilities) if by_regions else probabilities

    def of_view(self, view: ImageView, answer: TileFunction) -> Steps:
        """Return what a function makes of a view, (n, y, x); see :meth:`by_tiles`."""
        pieces = self.consensus.tiles(view.seen.shape[1:])
        return _assembled(view.seen, pieces, answer, n_more=1)

    def regions(
        self, channels: NDArray[Any], threshold: float, at_least: int
    ) -> Generator[float, None, tuple[NDArray[np.int32], RegionClasses]]:
        """Return the regions, from 0, and what makes them alike.

        Parameters
        ----------
        channels : (C, Y, X) ndarray
            Raw image.
        threshold, at_least : float, int
            As for :func:`napari_mmtseg.labels.region_finding.find_regions`.
        """
        image, response = yield from self.responses(
            channels, self.consensus.probabilities
        )
        regions, classes = find_regions(image, response, threshold, at_least)
        return enlarge(regions.astype(np.int32), channels.shape[1:]), classes

    def responses(
        self, channels: NDArray[Any], answer: TileFunction
    ) -> Generator[float, None, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return the image and what a function makes of it, both at most 1024 wide.

        Parameters
        ----------
        channels, answer
            As for :meth:`by_tiles`.

        Returns
        -------
        image : (C, y, x) ndarray of float32
            Normalised.
        answers : (n, y, x) ndarray of float32
        """
        view = self.view(channels)
        return view.image, (yield from self.of_view(view, answer))


def _assembled(
    image: NDArray[Any], pieces: Sequence[Tile], answer: TileFunction, n_more: int = 0
) -> Steps:
    """Put the answers to tiles together, as the first steps before `n_more` others."""
    whole: NDArray[Any] | None = None
    done, n_pixels = 0, int(np.prod(image.shape[1:]))
    for tile, answers in predict_tiles(image, pieces, answer):
        if whole is None:
            whole = np.empty((len(answers), *image.shape[1:]), answers.dtype)
        whole[(slice(None), *tile.core)] = answers
        done += answers[0].size
        yield done / n_pixels * len(pieces) / (len(pieces) + n_more)
    assert whole is not None
    return whole

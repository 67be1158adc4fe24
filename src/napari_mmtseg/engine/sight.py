"""How a fitted model sees an image: clusters of pixels, or regions."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.arrays import Normalization
from napari_mmtseg.engine.consensus import Consensus
from napari_mmtseg.engine.view import View, shrink
from napari_mmtseg.feature_bank import FeatureBank
from napari_mmtseg.features import Texture
from napari_mmtseg.region_classes import RegionClasses
from napari_mmtseg.region_labels import find_regions, region_means
from napari_mmtseg.regions import enlarge

__all__ = ["Sight"]

Steps = Generator[float, None, NDArray[Any]]


@dataclass(frozen=True)
class Sight:
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
        dtype = np.min_scalar_type(self.n_responses - 1)
        clusters = np.empty(channels.shape[1:], dtype)
        pieces = self.consensus.tiles(clusters.shape, self.texture.halo)
        for i, tile in enumerate(pieces):
            part = channels[:, tile.around[0], tile.around[1]]
            seen = self.texture.apply(self.normalization.apply(part))
            clusters[tile.core] = self.consensus.cluster_map(seen)[tile.inner]
            yield (i + 1) / len(pieces)
        return clusters

    def averaged_clusters(
        self, channels: NDArray[Any]
    ) -> Generator[float, None, tuple[NDArray[Any], NDArray[Any]]]:
        """Return the cluster of every small region, by its mean response.

        And those of the single pixels, for where regions are too coarse. For parameters
        and the rest, see :meth:`clusters`.
        """
        image, response = yield from self._responses(channels)
        (averaged,) = region_means(image, response)
        dtype = np.min_scalar_type(self.n_responses - 1)
        coarse, fine = (
            enlarge(r.argmax(0).astype(dtype), channels.shape[1:])
            for r in (averaged, response)
        )
        return coarse, fine

    def view(self, channels: NDArray[Any]) -> View:
        """Look at a raw image (C, Y, X)."""
        normalized = self.normalization.apply(channels)
        return View(shrink(normalized), self.texture.apply(normalized, shrink))

    def given_classes(
        self, view: View, groups: NDArray[np.bool_]
    ) -> Generator[float, None, NDArray[np.intp]]:
        """Return the class of every pixel, where borders are edges of the image.

        Parameters
        ----------
        view : View
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
        self, view: View, groups: NDArray[np.bool_], by_regions: bool
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Return the probability of every class, (k, Y, X).

        Parameters
        ----------
        view, groups
            As for :meth:`given_classes`.
        by_regions : bool
            Average them over regions.
        """
        probabilities = yield from self._tiled(view.seen, groups.astype(np.float32))
        return view.averaged(probabilities) if by_regions else probabilities

    def regions(
        self, channels: NDArray[Any], threshold: float, at_least: int
    ) -> Generator[float, None, tuple[NDArray[np.int32], RegionClasses]]:
        """Return the regions, from 0, and what makes them alike.

        Parameters
        ----------
        channels : (C, Y, X) ndarray
            Raw image.
        threshold, at_least : float, int
            As for :func:`napari_mmtseg.region_labels.find_regions`.
        """
        image, response = yield from self._responses(channels)
        regions, classes = find_regions(image, response, threshold, at_least)
        return enlarge(regions.astype(np.int32), channels.shape[1:]), classes

    def _responses(
        self, channels: NDArray[Any]
    ) -> Generator[float, None, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        normalized = self.normalization.apply(channels)
        image = shrink(normalized)
        seen = self.texture.apply(normalized, shrink)
        del normalized
        response = yield from self._tiled(seen, None)
        return image, response

    def _tiled(
        self, seen: NDArray[np.float32], groups: NDArray[np.float32] | None
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Return the mean response to what is seen, summed over groups of channels."""
        n = self.n_responses if groups is None else len(groups)
        response = np.empty((n, *seen.shape[1:]), np.float32)
        pieces = self.consensus.tiles(seen.shape[1:])
        for i, tile in enumerate(pieces):
            part = seen[:, tile.around[0], tile.around[1]]
            answer = self.consensus.probabilities(part)
            inner = answer[:, tile.inner[0], tile.inner[1]]
            if groups is not None:
                inner = np.tensordot(groups, inner, 1)
            response[:, tile.core[0], tile.core[1]] = inner
            yield (i + 1) / (len(pieces) + 1)
        return response

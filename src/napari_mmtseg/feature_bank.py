"""Features of pixels at several scales, for networks that learn from few of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.features import gradient_magnitude, local_deviation, smooth

__all__ = ["FeatureBank"]

Image = NDArray[np.float32]

SCALES = (1.0, 2.0, 4.0, 8.0)
"""Standard deviations in pixels of the Gaussian windows."""


@dataclass(frozen=True)
class FeatureBank:
    """Every channel as it is, blurred, its edges and its local deviation, standardised.

    Attributes
    ----------
    scales : tuple of float
        Standard deviations in pixels of the Gaussian windows.
    center, spread : tuple of float
        What every feature is shifted and divided by.
    """

    scales: tuple[float, ...]
    center: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def fit(
        cls,
        images: Sequence[Image],
        reduce: Callable[[Image], Image] = lambda image: image,
    ) -> tuple[FeatureBank, list[Image]]:
        """Find center and spread on normalised images.

        Parameters
        ----------
        images : sequence of (C, Y, X) ndarray of float32
            Normalised images.
        reduce : callable
            Makes every feature (1, Y, X) smaller, so that not all are kept in full.

        Returns
        -------
        bank : FeatureBank
            The bank.
        features : list of (F, Y, X) ndarray of float32
            What ``bank.apply(image, reduce)`` returns for every image.
        """
        measured = [_stack(image, SCALES, reduce) for image in images]
        n = sum(m[0].size for m in measured)
        center = sum(m.sum(axis=(1, 2), dtype=np.float64) for m in measured) / n
        squared = sum(
            np.array([((f - c) ** 2).sum(dtype=np.float64) for f, c in zip(m, center)])  # noqa: B905
            for m in measured
        )
        spread = np.sqrt(squared / n)
        spread[spread < 1e-5] = 1.0
        bank = cls(SCALES, tuple(center.tolist()), tuple(spread.tolist()))
        return bank, [bank._standardized(m) for m in measured]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FeatureBank:
        """Restore what ``dataclasses.asdict`` and JSON made of a bank."""
        names = ("scales", "center", "spread")
        return cls(*(tuple(map(float, values[name])) for name in names))

    @property
    def halo(self) -> int:
        """Pixels around a tile that its features depend on."""
        # Where scipy truncates the Gaussian, and one more for the derivative.
        return int(4 * max(self.scales) + 0.5) + 1

    def n_features(self, n_channels: int) -> int:
        """Return the number of features of an image with `n_channels` channels."""
        return n_channels * (1 + 3 * len(self.scales))

    def apply(
        self, image: Image, reduce: Callable[[Image], Image] = lambda image: image
    ) -> Image:
        """Return the features (F, Y, X) of a normalised image (C, Y, X)."""
        return self._standardized(_stack(image, self.scales, reduce))

    def _standardized(self, features: Image) -> Image:
        features -= np.asarray(self.center, np.float32)[:, np.newaxis, np.newaxis]
        features /= np.asarray(self.spread, np.float32)[:, np.newaxis, np.newaxis]
        return features


def _stack(
    image: Image, scales: Sequence[float], reduce: Callable[[Image], Image]
) -> Image:
    return np.concatenate([reduce(f) for f in _features(image, scales)])


def _features(image: Image, scales: Sequence[float]) -> Iterator[Image]:
    yield from (channel[np.newaxis].copy() for channel in image)
    for scale in scales:
        for channel in image:
            yield smooth(channel[np.newaxis], scale)
            yield gradient_magnitude(channel[np.newaxis], scale)[np.newaxis]
            yield local_deviation(channel, scale)[np.newaxis]

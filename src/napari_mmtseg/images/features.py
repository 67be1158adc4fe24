"""Features of pixels: smoothed values, local deviation, edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter1d

Image = NDArray[np.float32]

_BOXES = 3


def smooth(image: Image, sigma: float, anisotropy: float = 1.0) -> Image:
    """Blur every channel of (C, [Z,] Y, X) with a Gaussian of `sigma` pixels.

    Along z it is narrower by `anisotropy`, the distance of slices in pixels.
    """
    sigmas = [sigma] * (image.ndim - 1)
    if image.ndim == 4:
        sigmas[0] /= anisotropy
    return np.stack([gaussian_filter(channel, sigmas) for channel in image])


def box_blur(values: Image, sigmas: Sequence[float]) -> Image:
    """Blur nearly as Gaussians do, by three boxes in a row along every axis.

    Boxes take the same time for every width. `sigmas` are standard deviations in
    pixels.
    """
    for axis, sigma in enumerate(sigmas):
        width = _box_width(min(sigma, values.shape[axis]))
        for _ in range(_BOXES):
            values = uniform_filter1d(values, width, axis, mode="nearest")
    return values


def box_reach(sigma: float) -> int:
    """Return how many pixels away values matter to :func:`box_blur`."""
    return _BOXES * (_box_width(sigma) // 2)


def _box_width(sigma: float) -> int:
    """Return the odd width of boxes that blur by `sigma` pixels together."""
    return 2 * int((12 * sigma**2 / _BOXES + 1) ** 0.5 / 2) + 1


def gradient_magnitude(image: Image, sigma: float) -> Image:
    """Return the gradient (Y, X) of channels (C, Y, X) blurred by `sigma` pixels.

    It is the root of the squared derivatives, summed over the channels.
    """
    squared = np.zeros(image.shape[1:], np.float32)
    for channel in image:
        for derivative in np.gradient(gaussian_filter(channel, sigma)):
            squared += derivative * derivative
    return np.sqrt(squared)


def local_deviation(channel: Image, scale: float) -> Image:
    """Return the standard deviation under a Gaussian window of `scale` pixels."""
    mean = gaussian_filter(channel, scale)
    squared = gaussian_filter(channel * channel, scale)
    deviation: Image = np.sqrt(np.maximum(squared - mean * mean, 0))
    return deviation


SCALES = (1.0, 2.0, 4.0, 8.0)
"""Standard deviations in pixels of the Gaussian windows."""


@dataclass(frozen=True)
class FeatureBank:
    """Every channel as it is, blurred, its edges and its local deviation, standardised.

    `scales` are standard deviations in pixels of the Gaussian windows; `center` and
    `spread` are subtracted from and divide every feature.
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
        """Find center and spread on normalised images (C, Y, X); return features, too.

        They are ``bank.apply(image, reduce)`` for every image. `reduce` makes every
        feature (1, Y, X) smaller before the next one is computed.
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
        """Restore a bank from ``dataclasses.asdict``, also after JSON."""
        names = ("scales", "center", "spread")
        return cls(*(tuple(map(float, values[name])) for name in names))

    @property
    def halo(self) -> int:
        """Pixels around a tile that its features depend on."""
        # scipy truncates the Gaussian there; the derivative needs one pixel more.
        return int(4 * max(self.scales) + 0.5) + 1

    def n_features(self, n_channels: int) -> int:
        """Return the number of features of an image with `n_channels` channels."""
        return n_channels * (1 + 3 * len(self.scales))

    def counts_by_scale(self, n_features: int) -> list[int]:
        """Return how many of the features there are up to every scale, none first."""
        n_channels = n_features // self.n_features(1)
        return [n_channels * (1 + 3 * n) for n in range(len(self.scales) + 1)]

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

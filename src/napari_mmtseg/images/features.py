"""Features of pixels: smoothed values, local deviation, edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Image = NDArray[np.float32]


def smooth(image: Image, sigma: float, anisotropy: float = 1.0) -> Image:
    """Blur every channel of (C, [Z,] Y, X) with a Gaussian of `sigma` pixels.

    Along z it is narrower by `anisotropy`, the distance of slices in pixels.
    """
    sigmas = [sigma] * (image.ndim - 1)
    if image.ndim == 4:
        sigmas[0] /= anisotropy
    return np.stack([gaussian_filter(channel, sigmas) for channel in image])


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


@dataclass(frozen=True)
class Texture:
    """Texture beside intensity: blurred channels and the local deviation of the first.

    `weight` 0 is intensity alone, 1 texture alone, 0.5 both with the same variance.
    `scale` is the standard deviation of the Gaussian window in pixels. `center` and
    `gain` shift and scale the local deviation to the variance of all channels together.
    """

    weight: float
    scale: float
    center: float
    gain: float

    @classmethod
    def fit(cls, images: Sequence[Image], weight: float, scale: float) -> Texture:
        """Find center and gain on normalised images (C, Y, X)."""
        if weight == 0:
            return cls(weight, scale, center=0.0, gain=0.0)
        deviation = np.concatenate(
            [local_deviation(image[0], scale).ravel() for image in images]
        )
        variance = sum(
            np.concatenate([image[c].ravel() for image in images]).var()
            for c in range(len(images[0]))
        )
        spread = float(deviation.std())
        gain = float(np.sqrt(variance)) / spread if spread > 1e-6 else 0.0
        return cls(weight, scale, float(deviation.mean()), gain)

    @property
    def halo(self) -> int:
        """Pixels around a tile that its features depend on."""
        if self.weight == 0:
            return 0
        return int(4 * self.scale + 0.5)  # scipy truncates the Gaussian there

    def n_features(self, n_channels: int) -> int:
        """Return the number of features of an image with `n_channels` channels."""
        return n_channels + (self.weight > 0)

    def apply(
        self, image: Image, reduce: Callable[[Image], Image] = lambda image: image
    ) -> Image:
        """Return (C, Y, X) with the texture as one more channel, made smaller."""
        if self.weight == 0:
            return reduce(image)
        deviation = local_deviation(image[0], self.scale) - self.center
        deviation *= self.gain * min(1.0, 2 * self.weight)
        intensity = smooth(image, self.scale) * min(1.0, 2 - 2 * self.weight)
        features = np.concatenate([intensity, deviation[np.newaxis]])
        return reduce(features.astype(np.float32))


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

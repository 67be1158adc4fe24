"""Texture of an image as features: local deviation, or energy under a wide window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_mmtseg.images.features import (
    Image,
    box_blur,
    box_reach,
    local_deviation,
    smooth,
)

_BANDS = (1.0, 2.0, 4.0)
"""Standard deviations in pixels of the blurs between which details lie."""


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


@dataclass(frozen=True)
class TextureEnergy:
    """Blurred channels, and the energy of details of the first one in three bands.

    Energy is a root mean square. `weight` 0 is intensity alone, 1 texture
    alone, 0.5 both alike. `scale` is the standard deviation of the window in pixels.
    `center` and `gain` shift the features and scale each to the variance of the image.
    """

    weight: float
    scale: float
    center: tuple[float, ...]
    gain: tuple[float, ...]

    @classmethod
    def fit(
        cls, images: Sequence[Image], weight: float, scale: float
    ) -> tuple[TextureEnergy, list[Image]]:
        """Find center and gain on normalised images (C, Y, X); return features, too.

        They are ``energy.apply(image)`` for every image.
        """
        n = len(images[0])
        pixels = np.concatenate([image.reshape(n, -1) for image in images], axis=1)
        measured = [np.stack(list(_features(image, scale))) for image in images]
        features = np.concatenate([m.reshape(len(m), -1) for m in measured], axis=1)
        variances = features.var(axis=1)
        variances[:n] = variances[:n].sum()  # channels keep their proportions
        shares = [min(1.0, 2 - 2 * weight)] * n + [min(1.0, 2 * weight)] * len(_BANDS)
        size = np.sqrt(float(pixels.var(axis=1).sum()))
        spread = np.where(variances > 1e-10, np.sqrt(variances), np.inf)
        gain = size * np.array(shares) / spread
        center = features.mean(axis=1)
        energy = cls(weight, scale, tuple(center.tolist()), tuple(gain.tolist()))
        return energy, [energy._scaled(m, lambda image: image) for m in measured]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TextureEnergy:
        """Restore it from ``dataclasses.asdict``, also after JSON."""
        weight, scale = float(values["weight"]), float(values["scale"])
        center, gain = (tuple(map(float, values[n])) for n in ("center", "gain"))
        return cls(weight, scale, center, gain)

    @property
    def halo(self) -> int:
        """Pixels around a tile that its features depend on."""
        # scipy truncates the Gaussian there.
        return box_reach(self.scale) + int(4 * max(_BANDS) + 0.5)

    def n_features(self, n_channels: int) -> int:
        """Return the number of features of an image with `n_channels` channels."""
        return n_channels + len(_BANDS)

    def apply(
        self, image: Image, reduce: Callable[[Image], Image] = lambda image: image
    ) -> Image:
        """Return the features (F, Y, X) of an image (C, Y, X), each made smaller."""
        return self._scaled(_features(image, self.scale), reduce)

    def _scaled(
        self, features: Iterable[Image], reduce: Callable[[Image], Image]
    ) -> Image:
        scaled = zip(features, self.center, self.gain, strict=True)
        return np.concatenate(
            [
                reduce(((feature - center) * gain).astype(np.float32)[np.newaxis])
                for feature, center, gain in scaled
            ]
        )


AnyTexture = Texture | TextureEnergy


def _features(image: Image, scale: float) -> Iterator[Image]:
    window = (scale,) * (image.ndim - 1)
    yield from (box_blur(channel, window) for channel in image)
    finer = image[0]
    for band in _BANDS:
        coarser = gaussian_filter(image[0], band)
        energy = box_blur((finer - coarser) ** 2, window)
        yield np.sqrt(np.maximum(energy, 0))
        finer = coarser

"""Linear discriminant analysis of painted pixels, at several scales together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SHRINKAGE = 0.1
"""Share of the identity in the covariance: scribbles have few, similar pixels."""


@dataclass(frozen=True)
class Discriminant:
    """Linear discriminants with equal priors (Fisher 1936), one for every scale.

    Every class counts the same, however many pixels it has. `slopes` (s, F, k) and
    `offsets` (s, k) are those of the log probability of every class at every scale.
    """

    slopes: NDArray[np.float64]
    offsets: NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        samples: Sequence[NDArray[np.float32]],
        n_features: Sequence[int] | None = None,
    ) -> Discriminant:
        """Fit to the pixels (n, F) of every class.

        A discriminant of the first m features is fitted for every m in `n_features`, by
        default one of all. Features that are sorted from fine to coarse are so seen at
        several scales: coarse ones tell textures apart, but do not know on which side
        of a border a pixel lies, nor what is smaller than they are.
        """
        means = np.stack([pixels.mean(0, dtype=np.float64) for pixels in samples])
        n = means.shape[1]
        covariance = np.zeros((n, n))
        for pixels, mean in zip(samples, means, strict=True):
            centred = pixels - mean
            covariance += centred.T @ centred / (len(pixels) * len(samples))
        slopes = np.zeros((len(n_features or [n]), n, len(samples)))
        for slope, m in zip(slopes, n_features or [n], strict=True):
            part = covariance[:m, :m] * (1 - _SHRINKAGE)
            # The floor keeps a covariance of nothing, in flat colours, invertible.
            average = max(float(np.trace(covariance[:m, :m])) / m, 1e-4)
            part += _SHRINKAGE * average * np.eye(m)
            slope[:m] = np.linalg.solve(part, means[:, :m].T)
        return cls(slopes, -(means.T * slopes).sum(1) / 2)

    def log_odds(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return log probabilities, up to a constant, (s, k, Y, X), of (F, Y, X)."""
        flat = features.reshape(len(features), -1)
        slopes = np.moveaxis(self.slopes, 1, 2).astype(np.float32)
        odds = slopes @ flat
        odds += self.offsets.astype(np.float32)[..., np.newaxis]
        return odds.reshape(*odds.shape[:2], *features.shape[1:])

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of every class, (k, Y, X), of features (F, Y, X).

        It is the mean over all scales.
        """
        odds = self.log_odds(features)
        odds -= odds.max(1, keepdims=True)
        np.exp(odds, out=odds)
        odds /= odds.sum(1, keepdims=True)
        mean: NDArray[np.float32] = odds.mean(0)
        return mean

    def reordered(self, order: NDArray[np.intp]) -> Discriminant:
        """Return the same for classes in another order."""
        return Discriminant(self.slopes[..., order], self.offsets[..., order])

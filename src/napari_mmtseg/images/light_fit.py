"""Fit of the light that varies slowly over an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize

from napari_mmtseg.images.light_field import TERMS, Field, Matrix, Part, coordinates

_BLOCKS, _FINE_BLOCKS = 48, 128
"""Blocks along the short side whose means are compared, and whose entropy is taken."""

_LAGS = (1, 2)
"""Distances in blocks over which brightness is compared."""

_ROUNDS = 15
_FEWEST = 100
"""Blocks and slopes from which light can be told."""

_DARK = 0.025
"""Share of the brightest value added before the logarithm, so that the noise of dark
pixels counts no more than that of others."""

_SAMPLES = 200_000
_GAIN = 0.08
"""Entropy in nats that the image has to lose: under even light hardly any, under strong
uneven light .2 and more."""

_REFINED, _EVALUATIONS, _STEP = 4096, 400, 0.05
"""Blocks, evaluations and first step, as a share of the range, of the refinement."""

_SEEN = 0.75
"""Share of the blocks that have to tell of the light: a round field of view has .79. Of
an embryo on black only what it looks like is known."""

_PREFERENCE = 0.1
"""Entropy by which light that adds has to be better: light that multiplies is the
rule."""


_LARGEST = 1e150
"""Values whose squares are no numbers are not those of light."""


def find_light(parts: Sequence[Part], group: Any, asked: str) -> Field | None:
    """Return the light of a group of channels, None if it is even.

    `asked` is "divide", "subtract", or "auto" for the better of the two, if it is good
    enough.
    """
    values = [_grey(part.pixels, group) for part in parts]
    every = max(sum(v.size for v in values) // _SAMPLES, 1)
    everything = np.concatenate([v.ravel()[::every] for v in values])
    lowest, brightest = np.percentile(everything, (0.1, 99))
    if not lowest < brightest or max(abs(lowest), abs(brightest)) > _LARGEST:
        return None
    kinds = ["divide", "subtract"] if asked == "auto" else [asked]
    dark = float(_DARK * (brightest - min(lowest, 0)) - min(lowest, 0))
    pairs = list(zip(parts, values, strict=True))
    coarse = [_block_means(part, grey, _BLOCKS) for part, grey in pairs]
    seen = np.concatenate([blocks.varies.ravel() for blocks in coarse]).mean()
    if asked == "auto" and seen < _SEEN:
        return None
    fine = [_block_means(part, grey, _FINE_BLOCKS) for part, grey in pairs]
    found = [_Fit.of(coarse, fine, kind, dark) for kind in kinds]
    best = max(found, key=lambda fit: fit.gain - _PREFERENCE * (fit.kind != "divide"))
    if best.gain < (_GAIN if asked == "auto" else 0):
        return None
    return best.refined().field()


def _grey(pixels: NDArray[Any], group: Any) -> Matrix:
    """Return the mean over the channels of a group, and over slices, (Y, X)."""
    with np.errstate(over="ignore", invalid="ignore"):
        chosen = pixels[group].astype(np.float64)
        grey: Matrix = chosen.reshape(-1, *pixels.shape[-2:]).mean(axis=0)
    finite = np.isfinite(grey)
    if not finite.all():
        grey = np.where(finite, grey, np.median(grey[finite]) if finite.any() else 0)
    return grey


class _Blocks(NamedTuple):
    """Means of blocks of pixels (y, x), powers of y and x there, and if they vary."""

    means: Matrix
    basis: Matrix
    varies: NDArray[np.bool_]


@dataclass(frozen=True)
class _Fit:
    """Light of one kind, fitted to the brightness of blocks of pixels.

    `values` (n,) are those of the blocks, their logarithms if light divides, and
    `basis` (n, terms) the powers of y and x there.
    """

    kind: str
    dark: float
    coefficients: Matrix
    values: Matrix
    basis: Matrix

    @classmethod
    def of(
        cls, coarse: Sequence[_Blocks], fine: Sequence[_Blocks], kind: str, dark: float
    ) -> _Fit:
        """Fit the slopes between coarse blocks of the parts of an image.

        The entropy is that of the fine blocks.
        """

        def seen(means: Matrix) -> Matrix:
            if kind == "subtract":
                return means
            return np.log(np.maximum(means + dark, dark / 9))

        rows, slopes = [], []
        for means, basis, varies in coarse:
            for step, slope in _slopes(basis, np.where(varies, seen(means), np.nan)):
                rows.append(step)
                slopes.append(slope)
        all_slopes = np.concatenate(slopes)
        all_values = np.concatenate([seen(b.means)[b.varies] for b in fine])
        all_bases = np.concatenate([b.basis[b.varies] for b in fine])
        known = np.isfinite(all_slopes)
        coefficients = np.zeros(len(TERMS))
        if min(known.sum(), len(all_values)) >= _FEWEST:
            coefficients = _robust_fit(np.concatenate(rows)[known], all_slopes[known])
        return cls(kind, dark, coefficients, all_values, all_bases)

    @property
    def gain(self) -> float:
        """Entropy that the image loses without this light."""
        if not self.coefficients.any():
            return 0.0
        light = self.basis @ self.coefficients
        return _entropy(self.values) - _entropy(self.values - light)

    def refined(self) -> _Fit:
        """Return the light near this one without which the entropy is lowest."""
        every = max(len(self.values) // _REFINED, 1)
        values, basis = self.values[::every], self.basis[::every]
        # Independent directions of about the same effect, for Powell's line searches.
        directions, triangle = np.linalg.qr(basis - basis.mean(axis=0))
        directions *= np.sqrt(len(basis))
        low, high = np.percentile(values, (5, 95))
        step = _STEP * (high - low)
        even = values - basis @ self.coefficients
        options: Any = {"maxfev": _EVALUATIONS, "xtol": 0.02, "ftol": 1e-4}

        def entropy_without(moved: Matrix) -> float:
            return _entropy(even - directions @ (moved * step))

        found = minimize(
            entropy_without,
            np.zeros(len(TERMS)),
            method="Powell",
            options=options,
        )
        if not np.isfinite(found.x).all():
            return self
        moved = np.linalg.lstsq(triangle, found.x * step, rcond=None)[0]
        moved *= np.sqrt(len(basis))
        return replace(self, coefficients=self.coefficients + moved)

    def field(self) -> Field:
        """Return the light as a field."""
        seen = self.basis @ self.coefficients
        return Field(
            self.kind,
            tuple(self.coefficients.tolist()),
            float(seen.mean()),
            self.dark,
            weakest=float(seen.min()),
            strongest=float(seen.max()),
        )


def _block_means(part: Part, grey: Matrix, n: int) -> _Blocks:
    """Divide a part into `n` blocks along its short side.

    Blocks without any noise are masked or saturated, and tell nothing of the light.
    """
    step = max(min(grey.shape) // n, 1)
    height, width = (length // step for length in grey.shape)
    cut = grey[: height * step, : width * step]
    blocks = cut.reshape(height, step, width, step)
    means: Matrix = blocks.mean(axis=(1, 3))
    varies = blocks.max(axis=(1, 3)) > blocks.min(axis=(1, 3))
    if step == 1:
        varies = np.ones_like(varies)
    y, x = coordinates(means.shape, part.corner, part.shape, step)
    grid = np.meshgrid(y, x, indexing="ij")
    basis = np.stack([grid[0] ** i * grid[1] ** j for i, j in TERMS], axis=-1)
    return _Blocks(means, basis, varies)


def _slopes(basis: Matrix, values: Matrix) -> Iterator[tuple[Matrix, Matrix]]:
    for lag in _LAGS:
        yield (
            (basis[lag:] - basis[:-lag]).reshape(-1, len(TERMS)),
            (values[lag:] - values[:-lag]).ravel(),
        )
        yield (
            (basis[:, lag:] - basis[:, :-lag]).reshape(-1, len(TERMS)),
            (values[:, lag:] - values[:, :-lag]).ravel(),
        )


def _robust_fit(rows: Matrix, slopes: Matrix) -> Matrix:
    """Fit slopes by iteratively reweighted least squares.

    The weights are those of Geman and McClure: slopes far from all others count
    nothing.
    """
    left = slopes
    coefficients = np.zeros(rows.shape[1])
    ridge = 1e-9 * len(rows) * np.eye(rows.shape[1])
    for _ in range(_ROUNDS):
        scale = 1.4826 * np.median(np.abs(left))
        if not scale > 0:
            break
        weights = (1 + (left / scale) ** 2) ** -2.0
        weighted = rows * weights[:, np.newaxis]
        coefficients = np.linalg.solve(weighted.T @ rows + ridge, weighted.T @ slopes)
        left = slopes - rows @ coefficients
    return coefficients


def _entropy(values: Matrix) -> float:
    """Return the differential entropy of values in nats, without their extremes."""
    low, high = np.percentile(values, (0.5, 99.5))
    # Closer values than these have no room for classes between them.
    if not high - low > 1e-12 * max(abs(low), abs(high)):
        return -np.inf
    counts = np.histogram(values, 100, (low, high))[0].astype(float)
    counts = gaussian_filter1d(counts, 1.0)
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum() + np.log(high - low))

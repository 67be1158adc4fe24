"""Probability that people would see a border between two regions, from several cues.

A border is likelier the larger and the less alike both sides are, and the more edge
there is along it. How much each cue counts is logistic regression on the photographs
of the train split of BSDS500, where people have drawn borders (`benchmarks.borders`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.special import expit

from napari_mmtseg.images.clustering import TypicalValues
from napari_mmtseg.images.features import gradient_magnitude
from napari_mmtseg.labels.region_merging import (
    BorderPixels,
    Borders,
    RegionValues,
    ward_sizes,
)
from napari_mmtseg.labels.spectral_edges import spectral_edges

EDGES = {"edge 1": 1.0, "edge 1.5": 1.5, "edge 2.5": 2.5, "edge 4": 4.0}
"""Edge cues, with the scale of the gradient in pixels."""

VIVID, PARTS = "vivid edge", "parts"
SIZE, LENGTH = "size", "length"
VALUES, DETAIL = "values", "detail"
CONSTANT = "constant"

WEIGHTS: tuple[dict[str, float], ...] = (
    {
        SIZE: 0.98,
        LENGTH: -0.19,
        PARTS: 0.92,
        VALUES: 0.45,
        DETAIL: 0.53,
        VIVID: 0.61,
        "edge 4": 0.15,
        CONSTANT: 2.35,
    },
    {
        SIZE: 0.81,
        LENGTH: -0.16,
        PARTS: 1.06,
        VALUES: 0.62,
        "edge 1.5": 0.67,
        CONSTANT: 1.59,
    },
    {
        SIZE: 0.98,
        LENGTH: -0.20,
        PARTS: 0.96,
        VALUES: 0.51,
        DETAIL: 0.53,
        "edge 1": 0.44,
        "edge 2.5": 0.17,
        CONSTANT: 2.39,
    },
)
"""Weights of the logarithms of cues, in three ways to look at an image."""

_BANDS = (1.0, 2.0, 4.0, 8.0)
"""Standard deviations in pixels of the blurs between which details lie."""

_SLOPES = (1.0, 2.0)
_FAINT = 0.03
"""Response of a filter, of an image with deviation 1, at which it begins to count."""

_NO_EDGE = 0.03
_ALIKE = 0.01
"""Distance in deviations below which regions are alike."""

_VIVID_SCALE = 1.5
_AT_ONCE = 2**16


@dataclass(frozen=True)
class RegionCues:
    """Values of the regions of an image by cue, and edges by cue along their borders.

    `names` are the cues of the gradients of `borders`, in order.
    """

    values: Mapping[str, RegionValues]
    names: tuple[str, ...]
    borders: Borders

    @classmethod
    def measure(
        cls, image: NDArray[np.float32], regions: NDArray[np.int64]
    ) -> RegionCues:
        """Measure the regions (Y, X), from 0, of a normalised image (C, Y, X)."""
        vivid = image.copy()
        vivid[1:] *= 2
        gradients = {
            **{name: gradient_magnitude(image, s) for name, s in EDGES.items()},
            VIVID: gradient_magnitude(vivid, _VIVID_SCALE),
            PARTS: spectral_edges(image),
        }
        values = {
            VALUES: _occurring_values(image, regions),
            DETAIL: RegionValues.measure(regions, _details(image[0])),
        }
        borders = BorderPixels(regions).along(*gradients.values())
        return cls(values, tuple(gradients), borders)

    @property
    def sizes(self) -> NDArray[np.float64]:
        """Pixels (n,) of the regions."""
        return self.values[VALUES].sizes

    def edges_of(self, names: Container[str]) -> RegionCues:
        """Return the same with the gradients of some cues only."""
        places = [i for i, name in enumerate(self.names) if name in names]
        borders = replace(self.borders, totals=self.borders.totals[places])
        return RegionCues(self.values, tuple(self.names[i] for i in places), borders)


class BorderProbability:
    """Heights of merges: probabilities that people would see a border.

    The logarithms of cues, with their `weights`, and a constant are added up to the
    logarithm of the odds.
    """

    def __init__(self, cues: RegionCues, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._values = {
            name: values.copy()
            for name, values in cues.values.items()
            if name in weights
        }
        self._names = cues.names
        self._sizes = cues.sizes.copy()
        self._n_pixels = cues.sizes.sum()

    def of(self, borders: Borders) -> NDArray[np.float64]:
        """Return the probability for every pair of neighbours."""
        logarithms = self.logarithms(borders)
        odds = self._weights[CONSTANT] + sum(
            self._weights[name] * cue for name, cue in logarithms.items()
        )
        probability: NDArray[np.float64] = np.asarray(expit(odds))
        return probability

    def join(self, kept: NDArray[Any], gone: NDArray[Any]) -> None:
        """Let regions take up others."""
        self._sizes[kept] += self._sizes[gone]
        for values in self._values.values():
            values.join(kept, gone)

    def logarithms(self, borders: Borders) -> dict[str, NDArray[np.float64]]:
        """Return the logarithms (n,) of the cues that have weights."""
        pairs = borders.first, borders.second
        sizes = self._sizes
        smaller = np.minimum(sizes[pairs[0]], sizes[pairs[1]])
        found: dict[str, Any] = {
            SIZE: np.log(ward_sizes(sizes, *pairs) / np.sqrt(self._n_pixels)),
            LENGTH: np.log(borders.length / np.sqrt(smaller)),
        }
        for name, values in self._values.items():
            found[name] = np.log(np.hypot(values.distances(*pairs), _ALIKE))
        for name, contrast in zip(self._names, borders.contrasts, strict=True):
            if name in self._weights:
                found[name] = np.log(contrast + _NO_EDGE)
        return found


def _details(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return logarithms (n, Y, X) of the responses of band and slope filters."""
    blurred = {s: gaussian_filter(lightness, s) for s in _BANDS}
    bands = [blurred[a] - blurred[b] for a, b in pairwise(_BANDS)]
    slopes = [s * slope for s in _SLOPES for slope in np.gradient(blurred[s])]
    responses = np.abs(np.stack([*bands, *slopes]))
    details: NDArray[np.float32] = np.log1p(responses / _FAINT).astype(np.float32)
    return details


def _occurring_values(
    image: NDArray[np.float32], regions: NDArray[Any]
) -> RegionValues:
    """Measure how often each typical value of an image occurs in its regions.

    A pixel counts for all values that it is near to.
    """
    typical = TypicalValues.of(image)
    pixels, k = typical.pixels, len(typical.centres)
    n = int(regions.max()) + 1
    sums = np.zeros((n, k))
    total, squared = np.zeros(k), 0.0
    names = regions.ravel()
    # In parts, since there are as many numbers as pixels times values.
    for start in range(0, len(pixels), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        weights = typical.nearness(pixels[part])
        places = (names[part], np.arange(len(weights)))
        ones = np.ones(len(weights))
        sums += coo_array((ones, places), (n, len(weights))).tocsr() @ weights
        total += weights.sum(axis=0)
        squared += float((weights**2).sum())
    mean = total / len(pixels)
    variance = squared / len(pixels) - float((mean**2).sum())
    sizes = np.bincount(names, minlength=n).astype(np.float64)
    return RegionValues(sizes, sums, max(variance, 0.0))

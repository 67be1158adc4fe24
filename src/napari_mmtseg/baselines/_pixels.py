"""Normalised pixels of an image, and labels from clusters of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.labels.regions import sum_by_label
from napari_mmtseg.labels.ward import brightness_ranks, merge_classes
from napari_mmtseg.notices import warn


@dataclass(frozen=True)
class Pixels:
    """One image in the two forms that the methods need, both (C, Y, X).

    `values` are the channels as they are, scaled together to 0-1. `colours` are
    standardised channels, or CIE Lab for RGB: similar colours are close, and the first
    channel is the brightness.
    """

    values: NDArray[np.float32]
    colours: NDArray[np.float32]

    @classmethod
    def of(cls, channels: NDArray[Any]) -> Pixels:
        """Normalise a raw (C, Y, X) image."""
        values, colours = (
            Normalization.fit([channels], space).apply(channels)
            for space in ("channels", "lab")
        )
        return cls(values, colours)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.values.shape[1:]
        return height, width

    @property
    def is_constant(self) -> bool:
        """Whether all pixels are the same."""
        return bool(np.ptp(self.values, axis=(1, 2)).max() == 0)

    def rows(self) -> NDArray[np.float32]:
        """Return `values` as one row per pixel, (Y * X, C)."""
        rows: NDArray[np.float32] = np.ascontiguousarray(
            self.values.reshape(len(self.values), -1).T
        )
        return rows


def number_clusters(
    clusters: NDArray[Any], pixels: Pixels, n_labels: int | None = None
) -> NDArray[np.int32]:
    """Give clusters (Y, X) numbers from dark to bright, 1..k.

    The most similar in colour are merged until `n_labels` are left, without it none.
    Numbers of clusters may have gaps.
    """
    sizes, sums = sum_by_label(clusters, pixels.colours, int(clusters.max()) + 1)
    used = np.flatnonzero(sizes)
    means = sums[used] / sizes[used, np.newaxis]
    group = merge_classes(means, sizes[used], n_labels or len(used))
    rank = brightness_ranks(group, means[:, 0], sizes[used])
    table = np.zeros(len(sizes), np.int32)
    table[used] = rank[group]
    labels: NDArray[np.int32] = table[clusters]
    return labels


def warn_of_few(labels: NDArray[np.int32], n_labels: int | None, method: str) -> None:
    """Warn if a method has found fewer classes than were asked for."""
    if n_labels is None:
        return
    found = len(np.unique(labels))
    if found < n_labels:
        warn(
            f"{method} found only {found} of the {n_labels} classes that were asked "
            "for.",
        )

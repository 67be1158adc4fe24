"""What every method sees of an image, and how its clusters become labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.labels.regions import sum_by_label
from napari_mmtseg.labels.ward import brightness_ranks, merge_classes
from napari_mmtseg.notices import warn
from napari_mmtseg.settings.fields import parameters
from napari_mmtseg.settings.parameter import Parameter

__all__ = [
    "Pixels",
    "checked",
    "checked_number",
    "number_clusters",
    "warn_of_few",
]


@dataclass(frozen=True)
class Pixels:
    """One image in the two forms that the methods need.

    Attributes
    ----------
    values : (C, Y, X) ndarray of float32
        The channels as they are, scaled together to 0-1.
    colours : (C, Y, X) ndarray of float32
        Standardised channels, CIE Lab for RGB: what looks alike is close. The first
        one is the brightness.
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

    @classmethod
    def read(cls, image: Any, channel_axis: int | None) -> Pixels:
        """Check and normalise an image as :func:`napari_mmtseg.segment` takes it."""
        return cls.of(as_channels_first(image, channel_axis))

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
    """Give clusters numbers from dark to bright and merge the most similar ones.

    Parameters
    ----------
    clusters : (Y, X) ndarray of int
        Cluster map, from 0, with or without gaps.
    pixels : Pixels
        The image that they stand for.
    n_labels : int, optional
        Merge clusters of similar colour until so many are left; without it none.

    Returns
    -------
    (Y, X) ndarray of int32
        Labels 1..k.
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


def checked(**values: Any) -> dict[str, Any]:
    """Return values of settings in their own type, or say what is accepted.

    Raises
    ------
    InputError
        If a value has another type or lies outside the accepted range.
    """
    known = parameters()
    return {name: known[name].check(value) for name, value in values.items()}


def checked_number(
    kind: type[int] | type[float],
    name: str,
    value: Any,
    minimum: float = 0,
    maximum: float = 10**9,
) -> Any:
    """Return a parameter that is no setting as `kind`, or say what is accepted.

    Raises
    ------
    InputError
        If the value has another type or lies outside the range.
    """
    return Parameter(
        name=name,
        kind=kind,
        optional=False,
        default=None,
        title=name,
        description="",
        minimum=minimum,
        maximum=maximum,
    ).check(value)


def warn_of_few(labels: NDArray[np.int32], n_labels: int | None, method: str) -> None:
    """Warn if a method has found fewer classes than were asked for."""
    if n_labels is None:
        return
    found = len(np.unique(labels))
    if found < n_labels:
        warn(
            f"{method} found only {found} of the {n_labels} classes that were asked "
            "for.",
            stacklevel=3,
        )

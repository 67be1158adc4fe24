"""Connected regions of low confidence, the worst first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_dilation, binary_erosion, find_objects
from skimage.measure import label

from napari_mmtseg.errors import InputError

_WIDTHS = (5, 3)
"""Side in pixels of the square that has to fit in a region: lines along borders are not
worth a look. The smaller one if the larger one fits in few regions."""

_FEW = 10

_SHARE = 0.1
"""Share of the labelled pixels that is listed, those with the least confidence."""

_CERTAIN = 0.999
"""Pixels above this confidence are never listed."""


@dataclass(frozen=True)
class UncertainRegion:
    """A connected region of low confidence.

    Attributes
    ----------
    place : tuple of int
        Index of its least certain pixel.
    box : tuple of slice
        Bounding box; indexes the image.
    size : int
        Number of pixels.
    confidence : float
        Mean confidence of its pixels.
    pixels : ndarray of bool
        Its pixels within the box.
    """

    place: tuple[int, ...]
    box: tuple[slice, ...]
    size: int
    confidence: float
    pixels: NDArray[np.bool_] = field(repr=False, compare=False)

    @property
    def doubt(self) -> float:
        """Possible gain of a look: the number of pixels times one minus confidence."""
        return self.size * (1 - self.confidence)


def uncertain_regions(
    confidence: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    n_regions: int = 50,
    min_size: int = 30,
) -> list[UncertainRegion]:
    """Return the regions in which labels are least certain, the worst first.

    Connected pixels of one label among the least certain tenth of the labelled pixels
    form a region, as far as a square of 5 x 5 pixels fits in (3 x 3 if that leaves
    few): single pixels and lines along borders drop out. If many pixels are equally
    uncertain, more than a tenth counts.

    Parameters
    ----------
    confidence : array-like
        From 0 to 1, (Y, X) or with more axes before.
    labels : array-like of int, optional
        Labels from 0 in the same shape; pixels of 0 are left out. Without labels all
        pixels count and regions go across classes.
    n_regions : int
        Largest number of regions.
    min_size : int
        Regions of fewer pixels are left out.

    Returns
    -------
    list of UncertainRegion
        By falling `doubt`, in raster order if that is the same. Empty if all pixels
        are certain.

    Raises
    ------
    InputError
        If the shapes differ, the values are not from 0 to 1 or an image has no pixels.

    Examples
    --------
    >>> import numpy as np
    >>> confidence = np.ones((40, 40))
    >>> confidence[10:20, 5:15] = 0.25
    >>> (region,) = uncertain_regions(confidence)
    >>> region.box, region.size
    ((slice(10, 20, None), slice(5, 15, None)), 100)
    """
    values, numbers = _checked(confidence, labels)
    low = _least_certain(values, numbers)
    for width in _WIDTHS:
        wide = _opened(low, numbers, width)
        regions = label(np.where(wide, numbers, 0), background=0, connectivity=1)
        inside = regions[wide]
        sizes = np.bincount(inside)
        doubt = np.bincount(inside, 1 - values[wide].astype(np.float64))
        order = np.argsort(-doubt, kind="stable")
        chosen = [i for i in order if sizes[i] >= max(min_size, 1)][:n_regions]
        if len(chosen) >= min(_FEW, n_regions):
            break
    boxes = find_objects(regions)
    return [_region(i, boxes[i - 1], regions, values, int(sizes[i])) for i in chosen]


def mean_confidence(labels: ArrayLike, confidence: ArrayLike) -> dict[int, float]:
    """Return the mean confidence of every label.

    Parameters
    ----------
    labels : array-like of int
        Labels from 0; 0 counts as no label.
    confidence : array-like
        In the same shape.

    Returns
    -------
    dict of int to float
        By label, in rising order.

    Raises
    ------
    InputError
        If the shapes differ, the values are not from 0 to 1 or an image has no pixels.

    Examples
    --------
    >>> mean_confidence([[1, 1], [0, 7]], [[0.5, 1.0], [0.0, 0.25]])
    {1: 0.75, 7: 0.25}
    """
    values, numbers = _checked(confidence, labels)
    present, places = np.unique(numbers, return_inverse=True)
    sums = np.bincount(places.ravel(), values.ravel().astype(np.float64))
    means = (sums / np.bincount(places.ravel())).tolist()
    return {n: mean for n, mean in zip(present.tolist(), means, strict=True) if n}


def _checked(
    confidence: ArrayLike, labels: ArrayLike | None
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    values = np.asarray(confidence, np.float32)
    if values.ndim < 2 or not values.size:
        raise InputError(
            f"The confidence has shape {values.shape}. Accepted: two or more axes with "
            "pixels."
        )
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):
        raise InputError(
            f"The confidence goes from {low:g} to {high:g}. Accepted: from 0 to 1."
        )
    if labels is None:
        return values, np.ones(values.shape, np.uint8)
    numbers = np.asarray(labels)
    if numbers.shape != values.shape or not np.issubdtype(numbers.dtype, np.integer):
        raise InputError(
            f"The labels are {numbers.dtype} of shape {numbers.shape}. Accepted: "
            f"integers in the shape of the confidence, {values.shape}."
        )
    if numbers.min() < 0:
        raise InputError(
            f"The lowest label is {numbers.min()}. Accepted: labels from 0."
        )
    return values, numbers


def _least_certain(
    values: NDArray[np.float32], numbers: NDArray[Any]
) -> NDArray[np.bool_]:
    labelled: NDArray[np.bool_] = numbers != 0
    looked_at = values[labelled]
    if not looked_at.size:
        return labelled
    last = max(int(_SHARE * looked_at.size) - 1, 0)
    threshold = np.partition(looked_at, last)[last]
    labelled &= values <= min(threshold, _CERTAIN)
    return labelled


def _opened(
    low: NDArray[np.bool_], numbers: NDArray[Any], width: int
) -> NDArray[np.bool_]:
    """Keep pixels that a square of one label fits in, also beyond the image's edges."""
    # Squares of 2 x 2 first: a large one has one label if all of them have.
    alike = low.copy()
    alike[..., :-1] &= low[..., 1:] & (numbers[..., 1:] == numbers[..., :-1])
    upper, lower = alike[..., :-1, :], alike[..., 1:, :]
    upper &= lower & (numbers[..., 1:, :] == numbers[..., :-1, :])
    around = (1,) * (low.ndim - 2)
    squares = np.ones((*around, width - 1, width - 1), bool)
    fits = binary_erosion(alike, squares, border_value=True)
    wide = binary_dilation(fits, np.ones((*around, width, width), bool))
    return np.logical_and(low, wide, out=alike)


def _region(
    number: int,
    box: tuple[slice, ...],
    regions: NDArray[Any],
    values: NDArray[np.float32],
    size: int,
) -> UncertainRegion:
    inside = regions[box] == number
    part = np.where(inside, values[box], np.inf)
    least = np.unravel_index(int(part.argmin()), part.shape)
    place = tuple(int(i) + s.start for i, s in zip(least, box, strict=True))
    mean = float(values[box][inside].mean(dtype=np.float64))
    return UncertainRegion(place, box, size, mean, inside)

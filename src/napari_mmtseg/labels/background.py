"""The class that is background: by name, from the image, or by its place alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from napari_mmtseg.images.colours import has_one_colour
from napari_mmtseg.images.stains import absorbs_light
from napari_mmtseg.labels.regions import (
    connected_regions,
    labels_of_regions,
    sum_by_label,
)
from napari_mmtseg.notices import warn

_T = TypeVar("_T", bound=np.generic)

_RIM = 16
"""The rim of an image is a strip of this part of its sides: the outermost pixels may
have labels that tell little."""

_WIDEST_RIM = 64

_LONGEST_SIDE = 1024
"""Pixels of a plane along each axis that are enough to look at."""

_BORDER, _AREA, _SUM = 0.6, 0.3, 1.25
"""Least share of the border and of the image that a background has, and of both
together: a matrix with precipitates has half of each."""

_CONNECTED = 0.85
"""Least share of a background that is one connected region."""

_WIDE_BORDER, _WIDE_AREA, _WIDE_CONNECTED = 0.75, 0.5, 0.9
"""The same for a class that is neither the darkest nor the brightest, as in phase
contrast, where cells have dark and bright parts."""

_DARK_BORDER, _DARK_SUM = 0.4, 0.9
"""The same for a class that is the darkest in each of several channels: what is none of
the things that were stained for."""

_BLACK = 0.1
"""Brightness, of the full range, up to which the dark part of a photograph is
background and not a part of the scene."""


def find_background(
    labels: Sequence[NDArray[Any]],
    images: Sequence[NDArray[Any]],
    choice: str | int = "auto",
) -> int | None:
    """Return the label of the class that is background.

    ``"auto"`` takes the large, connected class that surrounds the others: most of the
    border of the image, and much of the image itself. It is the darkest or the
    brightest, or has nearly all of the border. Where it is the darkest in each of
    several channels, less is enough. In stained tissue only the brightest counts, in a
    photograph in colour only black. In an image that is filled there is none.

    Parameters
    ----------
    labels : sequence of ([Z,] Y, X) ndarray of int
        Labels from 1; 0 marks pixels without any.
    images : sequence of (C, [Z,] Y, X) ndarray
        Raw pixels. Pixels that are not finite do not count.
    choice : {"auto", "none", "darkest", "brightest"} or int
        Which class, by its mean brightness; a number is returned as it is.

    Returns
    -------
    int or None
        None if there is no background, only one class, or, with a warning, no pixel of
        the label `choice`.
    """
    if choice == "none":
        return None
    seen = [_Seen.of(*pair) for pair in zip(labels, images, strict=True)]
    n = max(one.n_labels for one in seen)
    measured = [one.measure(n) for one in seen]
    sizes = np.sum([sizes for sizes, _ in measured], axis=0)
    present = np.flatnonzero(sizes)
    if isinstance(choice, int):
        if choice in present:
            return choice
        warn(
            f"There is no class {choice} to be background: the result has "
            f"{', '.join(map(str, present))}. Give one of these, or auto."
        )
        return None
    if len(present) < 2:
        return None
    sums = np.sum([sums for _, sums in measured], axis=0)
    each = sums[present].T / sizes[present]
    brightness = each.mean(0)
    darkest, brightest = (int(present[i(brightness)]) for i in (np.argmin, np.argmax))
    if choice == "darkest":
        return darkest
    if choice == "brightest":
        return brightest
    borders = np.sum([one.borders(n) for one in seen], axis=0)
    border, area = borders / max(borders.sum(), 1), sizes / sizes.sum()
    widest = int(np.argmax(border + area))
    is_extreme = widest in (darkest, brightest)
    is_dark = len(each) > 1 and set(present[each.argmin(1)]) == {widest}
    one_colour = len(each) == 3 and has_one_colour(images[0])
    is_dark = is_dark and not one_colour
    if len(each) == 3 and not one_colour:
        is_dark = False
        if absorbs_light(images[0]):
            is_extreme = widest == brightest
        else:
            full = 255 if images[0].dtype == np.uint8 else _finite(images[0]).max()
            is_extreme = widest == darkest and brightness.min() <= _BLACK * full
        if not is_extreme:
            return None
    least = _Least(_WIDE_BORDER, _WIDE_AREA, _SUM, _WIDE_CONNECTED)
    if is_dark:
        least = _Least(_DARK_BORDER, _AREA, _DARK_SUM, _CONNECTED)
    elif is_extreme:
        least = _Least(_BORDER, _AREA, _SUM, _CONNECTED)
    shares = float(border[widest]), float(area[widest])
    if shares[0] < least.border or shares[1] < least.area or sum(shares) < least.sum:
        return None
    connected = sum(one.largest_region(widest) for one in seen) / sizes[widest]
    return widest if connected >= least.connected else None


def with_background(labels: NDArray[Any], background: int) -> NDArray[Any]:
    """Return labels from 1 in which one is 0, and those above it are one lower."""
    above = labels > background
    lowered: NDArray[Any] = np.where(labels == background, 0, labels - above)
    return lowered.astype(labels.dtype, copy=False)


def surrounding_class(
    sizes: NDArray[Any], at_rim: NDArray[Any], in_one: NDArray[Any]
) -> int:
    """Return the class that objects lie on, which there is always.

    Label 0 is background; without it that is the class with most of the image and of
    its rim, in one piece: its three shares count the same. Where
    :func:`find_background`, which asks whether there is any, finds the darkest or the
    brightest one, it is this.

    Parameters
    ----------
    sizes, at_rim : (n,) ndarray
        Pixels of every label in the image, and at its rim.
    in_one : (n,) ndarray of float
        Share of its pixels that the largest connected region of each label has.
    """
    if sizes[0]:
        return 0
    shares = (counts / max(counts.sum(), 1) for counts in (sizes, at_rim))
    return int(np.argmax(sum(shares) + in_one))


def shares_in_one(parts: Iterable[NDArray[Any]], n: int) -> NDArray[np.float64]:
    """Return the share of its pixels that the largest region of each label has.

    Parts have labels from 1 to n - 1, and a region does not go beyond its part.
    """
    sizes, largest = np.zeros(n), np.zeros(n)
    for part in parts:
        regions = connected_regions(part)
        counts = np.bincount(regions.ravel())
        values = labels_of_regions(regions, part)
        most = np.zeros(n)
        np.maximum.at(most, values, counts)
        largest += most
        sizes += np.bincount(part.ravel(), minlength=n)
    return largest / np.maximum(sizes, 1)


def rims(shape: Sequence[int]) -> Iterator[tuple[slice, slice]]:
    """Yield the index of the strips along the borders of a plane."""
    everything = slice(None)
    for axis, n in enumerate(shape):
        width = min(max(n // _RIM, 1), _WIDEST_RIM)
        for strip in (slice(0, width), slice(n - width, n)):
            yield (strip, everything) if axis == 0 else (everything, strip)


class _Least(NamedTuple):
    """Least shares that a background has."""

    border: float
    area: float
    sum: float
    connected: float


class _Seen:
    """Labels of an image, 0 where there is nothing to see, and its pixels (C, ...)."""

    def __init__(self, labels: NDArray[Any], image: NDArray[np.float32]) -> None:
        self._labels = labels
        self._image = image
        self.n_labels = int(labels.max(initial=0)) + 1

    @classmethod
    def of(cls, labels: NDArray[Any], image: NDArray[Any]) -> _Seen:
        """Look at some of the pixels of large planes."""
        step = -(-max(labels.shape[-2:]) // _LONGEST_SIDE)
        some = (..., slice(None, None, step), slice(None, None, step))
        with np.errstate(over="ignore"):
            pixels = image[some].astype(np.float32)
        finite = np.isfinite(pixels).all(0)
        return cls(np.where(finite, labels[some], 0), _finite(pixels))

    def measure(self, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the size of every label, 0 for label 0, and its sums (n, C)."""
        sizes, sums = sum_by_label(self._labels, self._image, n)
        return _without_0(sizes), sums

    def borders(self, n: int) -> NDArray[np.int64]:
        """Return the number of pixels that every label has at the borders of planes."""
        planes = self._labels
        sides = planes[..., 0, :], planes[..., -1, :], planes[..., 0], planes[..., -1]
        ends = np.concatenate([side.ravel() for side in sides])
        return _without_0(np.bincount(ends, minlength=n))

    def largest_region(self, value: int) -> int:
        """Return the number of pixels of the largest connected region of a label."""
        regions = label(self._labels == value, connectivity=1)
        return int(_without_0(np.bincount(regions.ravel())).max(initial=0))


def _without_0(counts: NDArray[_T]) -> NDArray[_T]:
    counts[0] = 0
    return counts


def _finite(pixels: NDArray[Any]) -> NDArray[Any]:
    finite: NDArray[Any] = np.nan_to_num(pixels, nan=0, posinf=0, neginf=0)
    return finite

"""Objects inside the one thing that classes end with, as nuclei inside an embryo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter
from skimage.filters import threshold_otsu

from napari_mmtseg.objects.numbering import SMALLEST
from napari_mmtseg.objects.separation import Mask, Separation, blurred, typical_size

_LARGE = 6
"""Things wider than this part of the shorter side of an image may hold others."""

_MANY, _LEAST_MANY = 8, 20
"""Inner objects for each thing, and altogether, from which they are the objects."""

_AROUND = 1.5
"""Side of the surroundings of a pixel, over the size."""

_RIM = 0.8
"""Twice the width of the edge of the thing that holds them, over the size."""

_EDGE = 0.4
"""Height at which an object ends, from the lowest to the highest around it."""

_CONTRAST = 0.5
"""Least difference of these two, over the highest: less is texture."""


@dataclass(frozen=True)
class InnerObjects:
    """The way to find them, the same for all parts of an image.

    Two classes of an embryo are the embryo and black. Its nuclei are what is bright in
    it, beside what is around them.

    Attributes
    ----------
    scale : Separation
        What heights are measured by: 0 is the background, 1 the things.
    separation : Separation
        Their own, with their size.
    floor : float
        Height above the background that is more than noise.
    """

    scale: Separation
    separation: Separation
    floor: float

    @classmethod
    def looked_for(
        cls,
        things: Separation,
        masks: Sequence[Mask],
        images: Sequence[NDArray[Any]],
        *,
        floor: float,
        size: float | None,
    ) -> InnerObjects | None:
        """Return the way to find them if every thing holds many; else None.

        Parameters
        ----------
        things : Separation
            The objects of classes; their size is the one given, or else found.
        masks, images : sequence of ndarray
            Parts of the classes and of the image.
        floor : float
            As in the attributes.
        size : float, optional
            Diameter of the objects, if it is given.
        """
        outer = things.size if size is None else typical_size(masks, things.sampling)
        side = min(min(mask.shape[-2:]) for mask in masks)
        if outer is None or outer * _LARGE < side:
            return None
        if size is None:
            size = _size_inside(things, masks, images)
        if size is None or size * _MANY > outer:
            return None
        method = "both" if things.method == "distance" else things.method
        scale = replace(things, method=method, size=size)
        found = cls(scale, scale, floor)
        inner = [found.within(*pair) for pair in zip(masks, images, strict=True)]
        bright = np.concatenate([i[m] for m, i in zip(inner, images, strict=True)])
        if not len(bright):
            return None
        own = replace(scale, high=float(np.median(bright)))
        n = sum(_count(own, *pair) for pair in zip(inner, images, strict=True))
        connected = replace(things, method="off", size=size)
        n_things = sum(_count(connected, mask) for mask in masks)
        is_many = n >= max(_MANY * n_things, _LEAST_MANY)
        return replace(found, separation=own) if is_many else None

    def within(self, mask: Mask, image: NDArray[Any]) -> Mask:
        """Return the part of a mask that is inner objects; `image` has its shape."""
        one = self.scale
        heights = one.contrast(image)
        around, near = (
            [max(int(share * one.size / step), 1) | 1 for step in one.sampling]
            for share in (_AROUND, _RIM)
        )
        smoothing = [one.size / 2 / step for step in one.sampling]
        # The edge of the thing itself is none of the lows between objects.
        inside = np.where(minimum_filter(mask, near), heights, np.maximum(heights, 1))
        low = blurred(minimum_filter(inside, around), smoothing)
        high = blurred(maximum_filter(heights, around), smoothing)
        rise = high - low
        inner: Mask = (heights > low + _EDGE * rise) & (rise > _CONTRAST * high)
        return inner & mask & (heights > self.floor)


def _size_inside(
    things: Separation, masks: Sequence[Mask], images: Sequence[NDArray[Any]]
) -> float | None:
    """Return the typical diameter of the brighter parts of things."""
    # A pixel's smoothing: there is no size yet.
    fine = replace(things, size=1.0)
    heights = [fine.contrast(image, 1.0) for image in images]
    values = np.concatenate([h[m] for h, m in zip(heights, masks, strict=True)])
    if not len(values) or values.min() == values.max():
        return None
    bright = threshold_otsu(values)
    parts = [m & (h > bright) for h, m in zip(heights, masks, strict=True)]
    return typical_size(parts, things.sampling)


def _count(
    separation: Separation, mask: Mask, image: NDArray[Any] | None = None
) -> int:
    """Return the number of objects that are no specks."""
    sizes = np.bincount(separation.apply(mask, image).ravel())[1:]
    return int((sizes >= separation.pixels_across(SMALLEST)).sum())

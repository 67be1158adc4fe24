"""A look at labels before objects are found: classes, size, and contrast."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.labels.background import rims
from napari_mmtseg.labels.regions import pixels_of
from napari_mmtseg.objects.dim import DimObjects
from napari_mmtseg.objects.found import NoObjects, choose_foreground
from napari_mmtseg.objects.frames import bands_of, frames_of
from napari_mmtseg.objects.inner import InnerObjects
from napari_mmtseg.objects.separation import Mask, Separation, typical_size
from napari_mmtseg.settings.fields import SegmentationSettings

_LOOKED_AT = 8
"""Slices of a stack that size and contrast are found from."""

_LOOKED_AT_SIDE = 1024
"""Side of the middle part of such a slice."""

Read = Callable[[tuple[int | slice, ...]], NDArray[Any]]
"""Reads the intensity of a part of the labels, in its shape."""


@dataclass(frozen=True)
class Survey:
    """All that is decided before the first object is found.

    Attributes
    ----------
    foreground : tuple of int
        Classes that objects are made of.
    dimmest : int
        The one of these that is most like the background.
    separation : Separation
        The way to tell touching objects apart.
    dim : DimObjects or None
        The way to find those that are too dim for their class.
    unit : float
        Length of a pixel along X in the unit of sizes.
    inner : InnerObjects or None
        The way to find those inside one large thing.
    """

    foreground: tuple[int, ...]
    dimmest: int
    separation: Separation
    dim: DimObjects | None
    unit: float
    inner: InnerObjects | None = None

    def objects_of(
        self, labels: NDArray[Any], image: NDArray[Any] | None
    ) -> NDArray[np.int32]:
        """Return the objects of a part of the labels, numbered from 1."""
        mask = pixels_of(labels, self.foreground)
        if self.dim is not None and image is not None:
            mask = self.dim.added_to(mask, image)
        if self.inner is not None and image is not None:
            mask = self.inner.within(mask, image)
        return self.separation.apply(mask, image)


def survey(
    labels: Any,
    read: Read | None,
    classes: Collection[int] | None,
    steps: Sequence[float],
    n_dims: int,
    settings: SegmentationSettings,
) -> Generator[float, None, Survey]:
    """Look at some frames; all of them for the classes. Yields the finished fraction.

    Raises NoObjects if there is no foreground, or nothing else.
    """
    shape = tuple(int(n) for n in labels.shape)
    frames = list(frames_of(shape, n_dims))
    looked_at = frames[:: max(len(frames) // _LOOKED_AT, 1)]
    middle = tuple(
        slice(max((n - _LOOKED_AT_SIDE) // 2, 0), (n + _LOOKED_AT_SIDE + 1) // 2)
        for n in shape[-2:]
    )
    whole = (slice(None),) * (n_dims - 2)
    places: list[tuple[int | slice, ...]] = [(*i, *whole, *middle) for i in looked_at]
    parts = [np.asarray(labels[place]) for place in places]
    yield 0.0
    is_automatic = classes is None and settings.foreground == "auto"
    if classes is None:
        bands = (
            np.asarray(labels[(*index, *rows)])
            for index in frames
            for rows in bands_of(shape[-n_dims:])
        )
        borders = (
            np.asarray(labels[(*index, ..., *rim)])
            for index in looked_at
            for rim in rims(shape[-2:])
        )
        classes = choose_foreground(bands, borders, parts, settings.foreground)
    chosen = tuple(int(c) for c in classes)
    masks = [pixels_of(part, chosen) for part in parts]
    sampling = tuple(step / steps[-1] for step in steps[-n_dims:])
    unit = steps[-1] if settings.object_unit == "micrometres" else 1.0
    size = settings.object_size
    size = typical_size(masks, sampling) if size is None else size / unit
    if size is None:
        size = _size_elsewhere(labels, frames, chosen, sampling)
    plain = Separation(settings.separation, size, sampling)
    found = Survey(chosen, chosen[0], plain, None, unit)
    if read is None:
        return found
    images = [np.asarray(read(place)) for place in places]
    found = _with_contrast(found, parts, masks, images)
    if is_automatic and settings.dim_objects:
        heights = [found.separation.contrast(image) for image in images]
        dim = DimObjects.of(found.separation, _of(heights, masks))
        inner = InnerObjects.looked_for(
            found.separation,
            masks,
            images,
            floor=dim.floor,
            size=None if settings.object_size is None else size,
        )
        if inner is not None:
            return replace(found, inner=inner, separation=inner.separation)
        found = replace(found, dim=dim)
    return found


def _with_contrast(
    found: Survey,
    parts: Sequence[NDArray[Any]],
    masks: Sequence[Mask],
    images: Sequence[NDArray[Any]],
) -> Survey:
    """Find the median intensity of the background, of objects, and of classes."""
    low = _median(_of(images, masks))
    high = _median(_of(images, [~mask for mask in masks]))

    def height(value: int) -> float:
        return abs(_median(_of(images, [part != value for part in parts])) - low)

    return replace(
        found,
        dimmest=min(found.foreground, key=height),
        separation=replace(found.separation, low=low, high=high),
    )


def _of(values: Sequence[NDArray[Any]], without: Sequence[Mask]) -> NDArray[Any]:
    pairs = zip(values, without, strict=True)
    return np.concatenate([v[~mask] for v, mask in pairs])


def _median(values: NDArray[Any]) -> float:
    return float(np.median(values)) if values.size else 0.0


def _size_elsewhere(
    labels: Any,
    frames: Sequence[tuple[int, ...]],
    classes: tuple[int, ...],
    sampling: tuple[float, ...],
) -> float:
    """Look for the size in all frames; refuse labels without objects."""
    any_pixel = all_pixels = False
    for index in frames:
        mask = pixels_of(np.asarray(labels[index]), classes)
        size = typical_size([mask], sampling)
        if size is not None:
            return size
        any_pixel = any_pixel or bool(mask.any())
        all_pixels = all_pixels or bool(mask.all())
    names = ", ".join(map(str, classes))
    if all_pixels:
        raise NoObjects(
            f"One object would fill the image: every pixel is of the classes {names}. "
            "Choose fewer classes, so that there is a background between objects."
        )
    raise NoObjects(
        f"There are no objects to find: no pixel is of the classes {names}. Choose "
        "classes that the labels have."
    )

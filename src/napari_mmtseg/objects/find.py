"""From classes to objects: one plane, slice by slice, a volume, or tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import masked_as_nan
from napari_mmtseg.labels.regions import pixels_of
from napari_mmtseg.labels.store import check_store, new_store
from napari_mmtseg.objects.found import NoObjects, Objects, choose_foreground
from napari_mmtseg.objects.frames import (
    check_labels,
    frames_of,
    numbers_along,
    whole_numbers,
)
from napari_mmtseg.objects.numbering import (
    bands_of,
    check_room,
    kept_objects,
    size_limits,
)
from napari_mmtseg.objects.over_time import iter_over_time
from napari_mmtseg.objects.separation import Separation, typical_size
from napari_mmtseg.objects.tiles import TILE, objects_in_tiles
from napari_mmtseg.progress import drain, relay
from napari_mmtseg.settings.fields import SegmentationSettings

_LOOKED_AT = 8
"""Slices of a stack that the size is found from."""

_LOOKED_AT_SIDE = 1024
"""Side of the middle part of such a slice."""

_RIM = 16
"""The rim of an image is a strip of this part of its sides: the outermost pixels may
have labels that tell little."""

_WIDEST_RIM = 64

Read = Callable[[tuple[int | slice, ...]], NDArray[Any]]
"""Reads the intensity of a part of the labels, in its shape."""


def find_objects(
    labels: Any,
    image: Any = None,
    *,
    classes: Collection[int] | None = None,
    spacing: Sequence[float] | None = None,
    volumes: bool = False,
    time_axis: int | None = None,
    settings: SegmentationSettings | None = None,
    out: Any = None,
    **overrides: Any,
) -> Objects:
    """Divide the classes of labels into single objects; those that touch are cut apart.

    Parameters
    ----------
    labels : array-like of int
        Classes (..., Y, X); anything with shape and slices, such as a memmap or a dask
        array, is read part by part.
    image : array-like, optional
        Intensity in the shape of the labels; separation by intensity, or by both,
        needs it.
    classes : collection of int, optional
        Classes that objects are made of, all together; without them the setting
        `foreground` decides.
    spacing : sequence of float, optional
        Distance between neighbouring pixels along every axis: in micrometres, if
        sizes are, else in any one unit.
    volumes : bool
        The last three axes are a volume, and objects go through its slices; else
        every slice has objects of its own.
    time_axis : int, optional
        Axis along which objects keep their number, by overlap.
    settings : SegmentationSettings, optional
        `separation`, `object_size` and the settings after it.
    out : array of int, optional
        Receives the objects.
    **overrides
        Single settings by name.

    Returns
    -------
    Objects
        Labels from 1 in reading order, and the class of each object.

    Raises
    ------
    InputError
        If there is no foreground, or nothing else, an argument does not fit the
        labels, or `out` cannot hold all objects.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mmtseg import find_objects
    >>> y, x = np.mgrid[:20, :36]
    >>> classes = 1 + ((y - 10) ** 2 + (x - 10) ** 2 < 64)
    >>> classes[(y - 10) ** 2 + (x - 24) ** 2 < 64] = 2  # the discs touch
    >>> objects = find_objects(classes)
    >>> objects.n_objects, objects.classes.tolist()
    (2, [0, 2, 2])
    """
    steps = iter_objects(
        labels,
        image,
        classes=classes,
        spacing=spacing,
        volumes=volumes,
        time_axis=time_axis,
        settings=(settings or SegmentationSettings()).replace(**overrides),
        out=out,
    )
    return drain(steps)


def iter_objects(
    labels: Any,
    image: Any = None,
    *,
    classes: Collection[int] | None = None,
    spacing: Sequence[float] | None = None,
    volumes: bool = False,
    time_axis: int | None = None,
    settings: SegmentationSettings,
    out: Any = None,
) -> Generator[float, None, Objects]:
    """Do the same as :func:`find_objects`, yielding the finished fraction.

    Arguments are checked at once. `image` may also be a function that returns the
    intensity for an index into the labels.
    """
    labels, shape = check_labels(labels)
    n_dims = 3 if volumes and len(shape) > 2 and shape[-3] > 1 else 2
    read = _reader(image, shape, settings.separation)
    if time_axis is not None and time_axis not in range(len(shape) - n_dims):
        raise InputError(
            f"time_axis={time_axis!r} is not an axis of labels of shape {shape} that "
            f"stands before the last {n_dims}, in which objects lie."
        )
    if classes is not None:
        classes = whole_numbers(classes, "classes")
        if not classes:
            raise InputError(
                "classes=() names no class. Give those that objects are made of, or "
                "leave classes out."
            )
    steps = _steps_along(spacing, shape, settings.object_unit)
    if out is not None:
        check_store(out, shape, 0, labels)
    finding = _find(labels, read, classes, steps, n_dims, settings, out)
    return finding if time_axis is None else _followed(finding, time_axis, n_dims)


def _followed(
    finding: Generator[float, None, Objects], time_axis: int, n_dims: int
) -> Generator[float, None, Objects]:
    objects = yield from finding
    following = iter_over_time(objects, time_axis, n_dims)
    return (yield from relay(following, lambda _: [1.0]))


def _reader(image: Any, shape: tuple[int, ...], separation: str) -> Read | None:
    if separation in ("distance", "off"):
        return None
    if image is None:
        raise InputError(
            f"separation={separation} needs the image that the labels belong to. Give "
            "it, or use separation=distance."
        )
    if callable(image):
        read: Read = image
        return read
    given = tuple(int(n) for n in np.shape(image))
    if given != shape:
        raise InputError(
            f"An image of shape {given} does not lie on labels of shape {shape}. Give "
            "one channel of the image that the labels were made from."
        )
    return lambda index: _finite(masked_as_nan(image[index]))


def _finite(image: Any) -> NDArray[Any]:
    """Return pixels without a value, or an infinite one, as the lowest of the others.

    They are far from any summit, as if there were nothing.
    """
    values = np.asarray(image)
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return values
    known = values[np.isfinite(values)]
    return np.where(np.isfinite(values), values, known.min() if known.size else 0)


def _steps_along(
    spacing: Sequence[float] | None, shape: tuple[int, ...], unit: str
) -> tuple[float, ...]:
    if spacing is None:
        if unit == "micrometres":
            raise InputError(
                "Sizes in micrometres need the pixel size of the image, which is not "
                "known. Give it (spacing), or sizes in pixels (object_unit=pixels)."
            )
        return (1.0,) * len(shape)
    return numbers_along(spacing, shape, "spacing", positive=True)


def _find(
    labels: Any,
    read: Read | None,
    classes: Collection[int] | None,
    steps: tuple[float, ...],
    n_dims: int,
    settings: SegmentationSettings,
    out: Any,
) -> Generator[float, None, Objects]:
    shape = tuple(int(n) for n in labels.shape)
    frames = list(frames_of(shape, n_dims))
    looked_at = frames[:: max(len(frames) // _LOOKED_AT, 1)]
    middle = tuple(
        slice(max((n - _LOOKED_AT_SIDE) // 2, 0), (n + _LOOKED_AT_SIDE + 1) // 2)
        for n in shape[-2:]
    )
    parts = [
        np.asarray(labels[(*index, *((slice(None),) * (n_dims - 2)), *middle)])
        for index in looked_at
    ]
    yield 0.0
    if classes is None:
        bands = (
            np.asarray(labels[(*index, *rows)])
            for index in frames
            for rows in bands_of(shape[-n_dims:])
        )
        rims = (
            np.asarray(labels[(*index, ..., *rim)])
            for index in looked_at
            for rim in _rims(shape[-2:])
        )
        classes = choose_foreground(bands, rims, settings.foreground)
    chosen = tuple(int(c) for c in classes)
    masks = [pixels_of(part, chosen) for part in parts]
    pixel = steps[-1]
    unit = pixel if settings.object_unit == "micrometres" else 1.0
    sampling = tuple(step / pixel for step in steps[-n_dims:])
    size = settings.object_size
    size = typical_size(masks, sampling) if size is None else size / unit
    if size is None:
        size = _size_elsewhere(labels, frames, chosen, sampling, n_dims)
    low, high = _contrast(masks, read, looked_at, middle, n_dims)
    separation = Separation(settings.separation, size, sampling, low, high)
    if out is None:
        out = new_store(shape, np.int32, settings.memory_share)
    limits = size_limits(settings, size, unit, sampling)
    found = _Found(out, chosen)
    for done, index in enumerate(frames):
        whole = (*index, *(slice(0, n) for n in shape[-n_dims:]))
        for fraction in _frame(
            labels, read, separation, found, whole, limits, settings
        ):
            yield (done + fraction) / len(frames)
    return Objects(out, np.concatenate(found.classes), size, chosen)


def _size_elsewhere(
    labels: Any,
    frames: Sequence[tuple[int, ...]],
    classes: tuple[int, ...],
    sampling: tuple[float, ...],
    n_dims: int,
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


def _contrast(
    masks: Sequence[NDArray[np.bool_]],
    read: Read | None,
    looked_at: Sequence[tuple[int, ...]],
    middle: tuple[slice, ...],
    n_dims: int,
) -> tuple[float, float]:
    """Return the median intensity of the background and of the foreground."""
    if read is None:
        return 0.0, 1.0
    inside, outside = [], []
    for mask, index in zip(masks, looked_at, strict=True):
        image = read((*index, *((slice(None),) * (n_dims - 2)), *middle))
        inside.append(image[mask])
        outside.append(image[~mask])
    values = [np.concatenate(part) for part in (outside, inside)]
    low, high = (float(np.median(v)) if v.size else 0.0 for v in values)
    return low, high


class _Found:
    """Objects that are written so far, and their classes."""

    def __init__(self, out: Any, foreground: tuple[int, ...]) -> None:
        self.out = out
        self.foreground = foreground
        self.classes: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self.n = 0


def _frame(
    labels: Any,
    read: Read | None,
    separation: Separation,
    found: _Found,
    whole: tuple[Any, ...],
    limits: tuple[float, float],
    settings: SegmentationSettings,
) -> Iterator[float]:
    """Find and number the objects of a plane or a volume."""
    n_dims = len(separation.sampling)
    index, window = whole[:-n_dims], whole[-n_dims:]
    shape = tuple(part.stop for part in window)

    def work(part: tuple[slice, ...]) -> NDArray[np.int32]:
        place = (*index, *part)
        mask = pixels_of(np.asarray(labels[place]), found.foreground)
        image = None if read is None else np.asarray(read(place))
        return separation.apply(mask, image)

    if shape[-2] <= 2 * TILE and shape[-1] <= 2 * TILE:
        numbered: NDArray[Any] = work(window)
        yield 0.7
    else:
        numbered = new_store(shape, np.int32, settings.memory_share)
        for fraction in objects_in_tiles(shape, separation.reach, work, numbered):
            yield 0.7 * fraction
    new, classes = kept_objects(
        numbered,
        lambda part: np.asarray(labels[(*index, *part)]),
        found.foreground,
        limits,
        keep_border=settings.border_objects,
    )
    n = len(classes)
    check_room(found.out, found.n + n)
    numbers = np.where(new > 0, new + found.n, 0)
    for rows in bands_of(shape):
        band = numbers[np.asarray(numbered[rows])]
        found.out[(*index, *rows)] = band.astype(found.out.dtype, copy=False)
    found.classes.append(classes)
    found.n += n
    yield 1.0


def _rims(shape: Sequence[int]) -> Iterator[tuple[slice, slice]]:
    """Yield strips along the borders of a plane."""
    everything = slice(None)
    for axis, n in enumerate(shape):
        width = min(max(n // _RIM, 1), _WIDEST_RIM)
        for strip in (slice(0, width), slice(n - width, n)):
            yield (strip, everything) if axis == 0 else (everything, strip)

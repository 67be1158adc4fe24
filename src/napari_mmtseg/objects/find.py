"""From classes to objects: one plane, slice by slice, a volume, or tile by tile."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import masked_as_nan
from napari_mmtseg.labels.store import check_store, new_store
from napari_mmtseg.objects.found import Objects
from napari_mmtseg.objects.frames import (
    bands_of,
    check_labels,
    frames_of,
    numbers_along,
    whole_numbers,
)
from napari_mmtseg.objects.numbering import check_room, kept_objects, size_limits
from napari_mmtseg.objects.over_time import iter_over_time
from napari_mmtseg.objects.survey import Read, Survey, survey
from napari_mmtseg.objects.tiles import TILE, objects_in_tiles
from napari_mmtseg.progress import drain, relay
from napari_mmtseg.settings.fields import SegmentationSettings

_LARGEST = 1e30
"""Largest brightness: sums and differences of such values fit into 32 bits."""


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
        needs it, and so do dim objects, unless `classes` or `foreground` decides.
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
    read = _reader(image, shape, settings)
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


def _reader(
    image: Any, shape: tuple[int, ...], settings: SegmentationSettings
) -> Read | None:
    cuts_by_shape = settings.separation in ("distance", "off")
    if cuts_by_shape and (image is None or not settings.dim_objects):
        return None
    if image is None:
        raise InputError(
            f"separation={settings.separation} needs the image that the labels belong "
            "to. Give it, or use separation=distance."
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

    They are far from any summit, as if there were nothing. Values that are too large to
    compute with are as large as possible.
    """
    values = np.asarray(image)
    if values.dtype.kind != "f":
        return values
    values = values.astype(np.promote_types(values.dtype, np.float32), copy=False)
    if (np.abs(values) <= _LARGEST).all():
        return values
    known = np.isfinite(values)
    lowest = values[known].min() if known.any() else 0
    return np.clip(np.where(known, values, lowest), -_LARGEST, _LARGEST)


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
    plan = yield from survey(labels, read, classes, steps, n_dims, settings)
    shape, separation = tuple(int(n) for n in labels.shape), plan.separation
    if out is None:
        out = new_store(shape, np.int32, settings.memory_share)
    limits = size_limits(settings, separation.size, plan.unit, separation.sampling)
    found = _Found(out)
    frames = list(frames_of(shape, n_dims))
    for done, index in enumerate(frames):
        whole = (*index, *(slice(0, n) for n in shape[-n_dims:]))
        for fraction in _frame(labels, read, plan, found, whole, limits, settings):
            yield (done + fraction) / len(frames)
    return Objects(out, np.concatenate(found.classes), separation.size, plan.foreground)


class _Found:
    """Objects that are written so far, and their classes."""

    def __init__(self, out: Any) -> None:
        self.out = out
        self.classes: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self.n = 0


def _frame(
    labels: Any,
    read: Read | None,
    plan: Survey,
    found: _Found,
    whole: tuple[Any, ...],
    limits: tuple[float, float],
    settings: SegmentationSettings,
) -> Iterator[float]:
    """Find and number the objects of a plane or a volume."""
    n_dims = len(plan.separation.sampling)
    index, window = whole[:-n_dims], whole[-n_dims:]
    shape = tuple(part.stop for part in window)

    def work(part: tuple[slice, ...]) -> NDArray[np.int32]:
        place = (*index, *part)
        image = None if read is None else np.asarray(read(place))
        return plan.objects_of(np.asarray(labels[place]), image)

    if shape[-2] <= 2 * TILE and shape[-1] <= 2 * TILE:
        numbered: NDArray[Any] = work(window)
        yield 0.7
    else:
        numbered = new_store(shape, np.int32, settings.memory_share)
        for fraction in objects_in_tiles(
            shape, plan.separation.reach, work, numbered, TILE
        ):
            yield 0.7 * fraction
    new, classes = kept_objects(
        numbered,
        lambda part: np.asarray(labels[(*index, *part)]),
        plan.foreground,
        limits,
        dimmest=plan.dimmest,
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

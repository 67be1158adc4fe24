"""Objects of an image or a stack whose classes are known."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import ImageStack, Location
from napari_mmtseg.labels.store import check_store, new_store
from napari_mmtseg.notices import warn
from napari_mmtseg.objects.find import iter_objects
from napari_mmtseg.objects.found import NoObjects, Objects
from napari_mmtseg.progress import relay
from napari_mmtseg.settings.fields import SegmentationSettings

_R = TypeVar("_R")


def check_objects(
    stack: ImageStack,
    settings: SegmentationSettings,
    spacing: Sequence[float] | None,
    out: Any = None,
) -> None:
    """Raise InputError if the objects of a stack could not be found or kept."""
    if not stack.label_axes.endswith(stack.frame_axes):
        raise InputError(
            f"output=objects needs {stack.frame_axes} as the last axes; the labels "
            f"have {stack.label_axes}. Move them to the end of the image."
        )
    if settings.object_unit == "micrometres" and spacing is None:
        raise InputError(
            "object_unit=micrometres needs the pixel size of the image, which is not "
            "known. Give it (spacing), or sizes in pixels (object_unit=pixels)."
        )
    if out is not None:
        check_store(out, stack.shape, 1, stack.array)


def objects_of_stack(
    stack: ImageStack,
    classes: Any,
    settings: SegmentationSettings,
    spacing: Sequence[float] | None = None,
    out: Any = None,
) -> Generator[float, None, Objects]:
    """Find the objects of a stack with class labels; yield the finished fraction.

    Along an axis T objects keep their number. Without any object the labels are 0, and
    a warning says why.
    """
    axes, n_dims = stack.label_axes, len(stack.frame_axes)
    time_axis = axes.find("T") if "T" in axes[:-n_dims] else None
    if out is None:
        out = new_store(stack.shape, np.int32, settings.memory_share)

    def brightness(index: tuple[int | slice, ...]) -> NDArray[Any]:
        lead, window = index[:-n_dims], index[-n_dims:]
        bounds = (
            part.indices(n)[:2]  # type: ignore[union-attr]
            for part, n in zip(window, stack.shape[-n_dims:], strict=True)
        )
        place = Location(lead, tuple(slice(*b) for b in bounds))  # type: ignore[arg-type]
        pixels = stack.read(place).astype(np.float32)
        mean: NDArray[Any] = np.nan_to_num(pixels, posinf=0, neginf=0).mean(0)
        return mean

    finding = iter_objects(
        classes,
        brightness,
        spacing=spacing,
        volumes=n_dims == 3,
        time_axis=time_axis,
        settings=settings,
        out=out,
    )
    try:
        return (yield from finding)
    except NoObjects as nothing:
        warn(str(nothing))
        return Objects(out, np.zeros(1, np.int64), settings.object_size or 0.0, ())


def iter_with_classes(
    stack: ImageStack,
    finding_classes: Generator[float, None, Any],
    settings: SegmentationSettings,
    spacing: Sequence[float] | None,
    out: Any,
) -> Generator[float, None, Objects]:
    """Find the classes of a stack, then its objects; yield the finished fraction."""
    for_classes = 0.7
    classes = yield from _scaled(finding_classes, 0.0, for_classes)
    finding = objects_of_stack(stack, classes, settings, spacing, out)
    return (yield from _scaled(finding, for_classes, 1.0))


def labels_of(finding: Generator[float, None, Objects]) -> Generator[float, None, Any]:
    """Return the labels of objects alone."""
    return (yield from finding).labels


def _scaled(
    steps: Generator[float, None, _R], start: float, stop: float
) -> Generator[float, None, _R]:
    return (yield from relay(steps, lambda part: [start + part * (stop - start)]))

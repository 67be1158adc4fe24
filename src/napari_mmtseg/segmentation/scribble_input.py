"""Scribbles, read and checked; crops of a stack that hold some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import Frame, ImageStack, Location
from napari_mmtseg.labels.scribbles import painted_values, read_scribbles
from napari_mmtseg.labels.store import check_largest
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

Labels = NDArray[np.int32]


def read_all_scribbles(
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Any],
    request: SegmentationRequest,
) -> list[Labels | None] | None:
    """Read and check scribbles (Y, X); None if there are none and no model."""
    model = request.model
    if model is None and all(painted is None for painted in scribbles):
        return None
    read = [
        None if painted is None else read_scribbles(painted, image.shape[1:])
        for painted, image in zip(scribbles, images, strict=True)
    ]
    if model is not None:
        model.check_channels(images[0])
    values = _check_classes(read, request.settings, model)
    if request.out is not None:
        # Classes that are found besides take the smallest free labels.
        most = request.settings.n_labels or request.settings.max_labels
        check_largest(request.out, max(most, int(values.max(initial=0))))
    return read


def _check_classes(
    scribbles: Sequence[Labels | None],
    settings: SegmentationSettings,
    model: MutualMeanTeachingModel | None,
) -> Labels:
    """Refuse class counts that do not go together; return the labels of all classes."""
    values = painted_values(list(scribbles))
    if not len(values) and any(painted is not None for painted in scribbles):
        raise InputError(
            "The scribbles are empty: every pixel is 0. Paint at least one class with "
            "a number from 1."
        )
    if model is None:
        if settings.n_labels is not None and len(values) > settings.n_labels:
            raise InputError(
                f"{len(values)} classes are painted, more than "
                f"n_labels={settings.n_labels}. Raise n_labels, or leave it automatic."
            )
    else:
        values = np.union1d(model_labels(model), values)
        if settings.n_labels not in (None, len(values)):
            raise InputError(
                f"n_labels={settings.n_labels} does not fit: the classes of the model "
                f"and the painted ones together are {len(values)}. Give n_labels="
                f"{len(values)}, or leave it automatic."
            )
        settings = model.settings
    if len(values) > settings.max_labels:
        raise InputError(
            f"{len(values)} classes are more than max_labels={settings.max_labels}, "
            "the response channels of the networks. "
            + ("Raise max_labels." if model is None else "Fit a new model.")
        )
    return values


def model_labels(model: MutualMeanTeachingModel) -> Labels:
    """Return the labels of all classes of a model."""
    if model.label_values is not None:
        return model.label_values
    return np.arange(1, model.n_labels + 1, dtype=np.int32)


_WHOLE = 2**22
"""Pixels up to which a painted frame is learned from as a whole."""


class PaintedCrop(NamedTuple):
    """Scribbles (Y, X) of a part of a stack, and their pixels by label."""

    location: Location
    scribbles: NDArray[Any]
    amounts: dict[int, int]


def painted_crops(
    stack: ImageStack,
    scribbles: Any,
    n_crops: int,
    side: int,
    check_cancel: Callable[[], None] = lambda: None,
) -> list[PaintedCrop]:
    """Find the frames, or crops of `side` pixels of large ones, with most scribbles.

    There are at most `n_crops`, but at least one for every painted label. Scribbles are
    read part by part; `check_cancel` is called before each.
    """
    found = []
    for index in stack.indices():
        for window in _windows(stack.frame(index), side):
            check_cancel()
            location = Location(index, window)
            place = stack.place(location)
            painted = np.asarray(scribbles[place])
            if stack.area is not None:
                painted = np.where(stack.area[place], painted, 0)
            labels, counts = np.unique(painted[painted != 0], return_counts=True)
            if len(labels):
                amounts = dict(zip(labels.tolist(), counts.tolist(), strict=True))
                found.append(PaintedCrop(location, painted, amounts))
    return _chosen(found, n_crops)


def _chosen(found: list[PaintedCrop], n: int) -> list[PaintedCrop]:
    """Choose crops with many scribbles that have all labels among them."""
    most = sorted(found, key=lambda crop: -sum(crop.amounts.values()))
    seen: set[int] = set()
    needed = []
    for label in sorted({label for crop in found for label in crop.amounts}):
        if label not in seen:
            crop = max(most, key=lambda crop: crop.amounts.get(label, 0))
            needed.append(crop)
            seen |= set(crop.amounts)
    others = [crop for crop in most if not any(crop is other for other in needed)]
    chosen = needed + others[: max(n - len(needed), 0)]
    return sorted(chosen, key=lambda crop: -sum(crop.amounts.values()))


def _windows(frame: Frame, side: int) -> list[tuple[slice, ...]]:
    shape = frame.shape[1:]
    if frame.n_pixels <= _WHOLE:
        return [tuple(slice(0, n) for n in shape)]
    starts = product(*(range(0, n, side) for n in shape))
    # The last ones reach back, so that all have the same size.
    return [
        tuple(
            slice(max(min(first, n - side), 0), min(first + side, n))
            for first, n in zip(corner, shape, strict=True)
        )
        for corner in starts
    ]

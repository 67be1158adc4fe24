"""Labels of one image by a fitted model."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.engine.model.classes import Readout
from napari_mmtseg.engine.model.readouts import Hierarchies
from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.images.normalization import check_finite
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.store import store_labels
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["image_labels", "one_image", "with_label_values"]

LabelValues = NDArray[np.int32] | None


def one_image(image: Any, channel_axis: int | None, n_dims: int) -> NDArray[Any]:
    """Return an image as (C, Y, X), or with `n_dims` 3 a volume as (C, Z, Y, X)."""
    if n_dims == 2:
        return as_channels_first(image, channel_axis)
    stack = ImageStack.of(image, channel_axis=channel_axis, volumes=True)
    if not stack.volumes or stack.n_frames > 1:
        raise InputError(
            f"This model sees volumes; give one of them, not {stack.shape}."
        )
    return stack.first.read()


def with_label_values(found: Hierarchies, label_values: LabelValues) -> Hierarchies:
    """Give the classes that are found the labels of a model."""
    hierarchy = yield from found
    return hierarchy if label_values is None else hierarchy.relabelled(label_values)


def image_labels(
    readout: Readout,
    stack: ImageStack,
    settings: SegmentationSettings,
    label_values: LabelValues,
    out: Any = None,
) -> Generator[float, None, Any]:
    """Label a stack of one image that is small enough to be seen as a whole.

    Parameters are those of
    :func:`~napari_mmtseg.engine.model.stack_labels.stack_labels`.
    """
    channels = stack.first.read()
    check_finite(channels)
    found = readout.for_image(channels).find(channels, settings)
    hierarchy = yield from with_label_values(found, label_values)
    labels = hierarchy.labels(output=settings.output).reshape(stack.shape)
    if out is None:
        return labels
    store_labels(out, ..., labels)
    return out

"""Classes and objects of an image or a stack by the networks of a model."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from napari_mmtseg.engine.model.classes import Readout
from napari_mmtseg.engine.model.requests import with_label_values
from napari_mmtseg.engine.model.stack_labels import stack_labels
from napari_mmtseg.engine.model.storage import LabelValues
from napari_mmtseg.images.normalization import check_finite
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.store import check_store, store_labels
from napari_mmtseg.objects.found import Objects
from napari_mmtseg.objects.of_stack import check_objects, iter_with_classes
from napari_mmtseg.settings.fields import SegmentationSettings


def class_labels(
    readout: Readout,
    stack: ImageStack,
    settings: SegmentationSettings,
    label_values: LabelValues,
    out: Any = None,
) -> Generator[float, None, Any]:
    """Label a stack with classes, or their regions; arguments are checked at once.

    Yields the finished fraction and returns a new array, or `out`.
    """
    if not stack.is_one_image:
        return stack_labels(readout, stack, settings, label_values, out)
    if out is not None:
        asked = settings.n_labels
        n_labels = readout.fitted(asked).n_labels(asked)
        largest = n_labels if label_values is None else int(label_values.max())
        check_store(out, stack.shape, largest, stack.array)
    return _image_labels(readout, stack, settings, label_values, out)


def objects(
    readout: Readout,
    stack: ImageStack,
    settings: SegmentationSettings,
    label_values: LabelValues,
    spacing: Sequence[float] | None,
    out: Any = None,
) -> Generator[float, None, Objects]:
    """Find the classes of a stack, then its objects, with the class of each."""
    check_objects(stack, settings, spacing, out)
    classes = settings.replace(output="classes")
    finding = class_labels(readout, stack, classes, label_values)
    return iter_with_classes(stack, finding, settings, spacing, out)


def _image_labels(
    readout: Readout,
    stack: ImageStack,
    settings: SegmentationSettings,
    label_values: LabelValues,
    out: Any,
) -> Generator[float, None, Any]:
    """Label an image that is small enough to be seen as a whole."""
    channels = stack.first.read()
    check_finite(channels)
    found = readout.for_image(channels).find(channels, settings)
    hierarchy = yield from with_label_values(found, label_values)
    labels = hierarchy.labels(output=settings.output).reshape(stack.shape)
    if out is None:
        return labels
    store_labels(out, ..., labels)
    return out

"""Labels of a stack or a large image by a fitted model, written part by part."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.engine.model.classes import Readout
from napari_mmtseg.engine.model.stack_inference import ClusterPart, stack_clusters
from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import Frame, ImageStack
from napari_mmtseg.images.tiles import relative_to
from napari_mmtseg.labels.store import check_store, new_store
from napari_mmtseg.labels.writer import LabelWriter, check_clean_up
from napari_mmtseg.settings.fields import SegmentationSettings


def stack_labels(
    known: Readout,
    stack: ImageStack,
    settings: SegmentationSettings,
    label_values: NDArray[np.int32] | None,
    out: Any = None,
) -> Generator[float, None, Any]:
    """Label a stack with the classes of a model; the parameters are checked at once.

    The stack is read, and the labels written to `out` or a new array, part by part.
    Yields the finished fraction and returns the array.
    """
    merge_tree = known.merge_tree(settings, stack.first.is_large, label_values)
    values = merge_tree.label_of_cluster()
    check_clean_up(stack, settings.output, settings.min_region_size)
    if out is None:
        out = new_store(stack.shape, np.int32, settings.memory_share)
    else:
        check_store(out, stack.shape, int(values.max()), stack.array)
    writer = LabelWriter(
        stack,
        out,
        settings.output,
        settings.min_region_size,
        merge_tree.has_background,
    )

    def steps() -> Generator[float, None, Any]:
        for part in stack_clusters(known, stack, settings, out):
            if isinstance(part, ClusterPart):
                writer.write(part.location, values[part.clusters])
                yield part.fraction
            else:
                yield part
        return out

    return steps()


def label_window(
    known: Readout,
    frame: Frame,
    window: tuple[slice, ...],
    settings: SegmentationSettings,
    label_values: NDArray[np.int32] | None,
) -> NDArray[np.int32]:
    """Label a part of a large frame as the whole would be labelled.

    The part and a halo around it are read. `window` has a start and a stop for every
    axis of the frame except the channels. Raises :class:`InputError` if it does not lie
    in the frame, or the labels depend on more than it.
    """
    shape = frame.shape[1:]
    given = window
    window = tuple(
        slice(w.start or 0, n if w.stop is None else w.stop, w.step)
        for w, n in zip(given, shape, strict=False)
    )
    if len(given) != len(shape) or not all(
        0 <= w.start < w.stop <= n and w.step in (None, 1)
        for w, n in zip(window, shape, strict=True)
    ):
        raise InputError(
            f"The window {given} does not lie in an image of shape {shape}. Give a "
            "slice with start and stop for each of its axes."
        )
    if settings.output != "classes" or settings.min_region_size > 1:
        raise InputError(
            "A part of an image cannot be labelled on its own with output=regions, "
            "output=objects or min_region_size: regions go on outside. Use "
            "output=classes, and clean up the whole."
        )
    merge_tree = known.merge_tree(settings, True, label_values)
    values = merge_tree.label_of_cluster()
    labels = np.empty([w.stop - w.start for w in window], np.int32)
    here = known.for_image(frame)
    even = replace(frame, illumination=here.inference.illumination)
    for tile, clusters in here.cluster_tiles(even, window, settings.tile_size):
        labels[relative_to(window, tile.core)] = values[clusters]
    return labels

"""Previews for a layer: coarse where images are large, slice by slice in a stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.store import new_store
from napari_mmtseg.napari.layers.pixel_measure import change_units
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.previews import preview_step

if TYPE_CHECKING:
    from napari.components import ViewerModel

PREVIEW_SIDE = 1024
"""Longest side of a preview in pixels."""


def preview_stride(plane: Sequence[int]) -> int:
    """Return the number of image pixels, per axis, that one of its preview covers."""
    given = preview_step(plane)
    return given * -(-max(plane) // (given * PREVIEW_SIDE))


def coarse(labels: NDArray[Any], plane: Sequence[int]) -> NDArray[Any]:
    """Return labels (..., Y, X) of an image thinned out for its preview.

    They are of all pixels or of every n-th, as they come from the core; `plane` is the
    height and width of the image.
    """
    given = 1 if labels.shape[-2:] == tuple(plane) else preview_step(plane)
    stride = preview_stride(plane) // given
    return labels[..., ::stride, ::stride]


class StackPreview:
    """The known labels of a stack, 0 elsewhere.

    Slices are written in the worker's thread; the window only draws them. A preview
    above `memory_share`, as in the settings, is kept on disk.
    """

    def __init__(
        self,
        source: LayerSelection,
        stack: ImageStack,
        dtype: DTypeLike,
        memory_share: float,
    ) -> None:
        self._stack = stack
        self._plane = source.place.plane
        stride = preview_stride(self._plane)
        shape = [
            -(-n // stride) if a in "YX" else n
            for a, n in zip(stack.label_axes, stack.shape, strict=True)
        ]
        # Nothing is allocated for slices that have no labels yet.
        self._labels = new_store(shape, dtype, memory_share)
        self.labels = self._labels.reshape(source.place.layer_shape(shape))

    def take(self, step: SegmentationStep) -> bool:
        """Write the labels of a step to their place; return whether it has any."""
        if step.labels is None:
            return False
        labels = coarse(step.labels, self._plane)
        there = self._labels[self._stack.place(self._stack.whole(step.index))]
        if there.shape != labels.shape:  # a volume thinned out along Z as well
            return False
        np.minimum(labels, np.iinfo(there.dtype).max, out=there, casting="unsafe")
        return True


class ShownSlice:
    """Position of the viewer's sliders in a stack.

    `frame_axes` have no slider: "YX", or "ZYX" for volumes.
    """

    def __init__(
        self, viewer: ViewerModel, source: LayerSelection, frame_axes: str
    ) -> None:
        self._viewer = viewer
        self._place = source.place
        self._frame_axes = frame_axes
        self._index: tuple[int, ...] = ()
        for event in (viewer.dims.events.point, viewer.dims.events.units):
            event.connect(self._follow)
        self._follow()

    def __call__(self) -> tuple[int, ...]:
        """Return the position along the stacked axes; from any thread."""
        return self._index

    def _follow(self, _: Any = None) -> None:
        place = self._place
        dims = self._viewer.dims
        point = change_units(dims.point, dims.units, place.others["units"])
        position = place.position(point)
        # Replaced as a whole: a thread that reads it gets the old one or the new one.
        self._index = tuple(
            min(max(round(float(at)), 0), n - 1)
            for a, n, kept, at in zip(
                place.axes, place.shape, place.kept, position, strict=True
            )
            if kept and a not in self._frame_axes
        )

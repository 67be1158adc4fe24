"""An image of a batch and its labels as layers."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal

from napari_mmtseg._widgets.layer_result import METADATA
from napari_mmtseg._widgets.outcomes import Failed, Refused
from napari_mmtseg._widgets.problems import show_problem
from napari_mmtseg._widgets.run_queue import RunQueue
from napari_mmtseg.batch_plan import BatchItem
from napari_mmtseg.batch_record import BatchRecord
from napari_mmtseg.io import ImageFile, read_image
from napari_mmtseg.ome_zarr_labels import GROUP

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["BatchOpener"]

_LARGEST = 2**30
"""Bytes up to which an image is read at once; a larger one is read as it is shown."""


@dataclass(frozen=True)
class _Opened:
    item: BatchItem
    image: ImageFile
    labels: ImageFile | None


@dataclass(frozen=True)
class _Read:
    item: BatchItem
    axes: str | None

    def steps(
        self, notices: list[str], should_cancel: Callable[[], bool]
    ) -> Generator[Any, str | None, _Opened]:
        """Read both files."""
        yield from ()
        image = _read(self.item.image, self.axes)
        path = self.item.labels
        if not path.exists():
            return _Opened(self.item, image, None)
        is_zarr = path.suffix.lower() == ".zarr"
        labels = _read(path / "labels" / GROUP if is_zarr else path)
        return _Opened(self.item, image, labels)


def _read(path: Path, axes: str | None = None) -> ImageFile:
    image = read_image(path, axes=axes)
    size = int(np.prod(image.array.shape)) * np.dtype(image.array.dtype).itemsize
    if size > _LARGEST:
        return image
    array = np.asarray(image.array)
    return ImageFile(
        array, image.axes, image.channel_axis, image.pixel_sizes, image.name
    )


class BatchOpener(QObject):
    """Reads the files in a thread, and adds the layers in the window.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    parent : QObject
        The panel.

    Attributes
    ----------
    state_changed : Signal
        Emitted when files are being read, and when they have been.
    """

    state_changed = Signal()

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._queue = RunQueue(self)
        self._queue.ended.connect(self._on_ended)
        self._shown: list[Layer] = []

    @property
    def is_busy(self) -> bool:
        """Whether files are being read."""
        return self._queue.is_running

    def open(self, record: BatchRecord, axes: str | None = None) -> None:
        """Show an image and its labels, and hide those that were shown before.

        Parameters
        ----------
        record : BatchRecord
            Of the image.
        axes : str, optional
            Of the image, where its file does not tell.
        """
        self._queue.cancel()
        self._queue.start(_Read(record.item, axes))
        self.state_changed.emit()

    def forget(self) -> None:
        """Open nothing any more."""
        self._queue.cancel()

    def _on_ended(self, outcome: _Opened | Refused | Failed | None) -> None:
        if isinstance(outcome, Refused | Failed):
            show_problem(outcome)
        elif outcome is not None:
            self._show(outcome)
        self.state_changed.emit()

    def _show(self, opened: _Opened) -> None:
        item = opened.item
        layers: list[Layer] = [_image_layer(opened.image, item)]
        if opened.labels is not None:
            layers.append(_labels_layer(opened.labels, item))
        before = [layer for layer in self._shown if layer in self._viewer.layers]
        is_first = not self._viewer.layers
        for layer in before:
            layer.visible = False
        for layer in layers:
            self._viewer.add_layer(layer)
        same = before and np.array_equal(before[0].extent.world, layers[0].extent.world)
        if not is_first and not same:
            self._viewer.reset_view()
        self._shown = layers


def _image_layer(image: ImageFile, item: BatchItem) -> Image:
    array, axes = image.array, image.axes
    if "C" in axes[1:]:
        # First, so that the labels, without channels, lie on all of them.
        array = np.moveaxis(np.asarray(array), axes.index("C"), 0)
        axes = "C" + axes.replace("C", "")
    is_rgb = axes.endswith("S")
    return Image(
        array,
        name=item.name,
        rgb=is_rgb,
        metadata={METADATA: {"file": str(item.image)}},
        **_spatial(image, axes.removesuffix("S")),
    )


def _labels_layer(labels: ImageFile, item: BatchItem) -> Labels:
    return Labels(
        labels.array,
        name=f"{item.name} labels",
        metadata={METADATA: {"file": str(item.labels)}},
        **_spatial(labels, labels.axes),
    )


def _spatial(image: ImageFile, axes: str) -> dict[str, Any]:
    sizes = dict(zip(image.axes, image.pixel_sizes, strict=True))
    found = [sizes[axis] for axis in axes]
    return {
        "scale": [1.0 if size is None else size.size for size in found],
        "units": ["pixel" if size is None else size.unit for size in found],
        "axis_labels": list(axes),
    }

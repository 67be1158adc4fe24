"""An image of a batch and its labels as layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari.layers import Image, Labels
from napari_mmtseg.batch.plan import BatchItem
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.files.read import ImageFile, read_image
from napari_mmtseg.files.write_zarr import GROUP
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.napari.layers.result import METADATA
from napari_mmtseg.napari.runs.outcomes import Failed, Refused, show_problem
from napari_mmtseg.napari.runs.preload import load_layers
from napari_mmtseg.napari.runs.run import RunQueue

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari.layers import Layer

__all__ = ["BatchOpener"]

_LARGEST = 2**30
"""Bytes up to which an image is read at once; a larger one is read as it is shown."""


_ORDER = "CTZYXS"
"""Axes as in label files; the channels, which these lack, first, so that labels lie on
all of them."""

_FILE = "file"
"""Entry of a layer's metadata: which file it shows, and of when."""

Stamp: TypeAlias = tuple[str, int]
_MakeLayer: TypeAlias = "Callable[[ImageFile, str], Layer]"


@dataclass(frozen=True)
class _Opened:
    """A file; without content where a layer shows it already."""

    stamp: Stamp
    name: str
    content: ImageFile | None


@dataclass(frozen=True)
class _Read:
    item: BatchItem
    axes: str | None
    shown: frozenset[Stamp]

    def read(self, _: Callable[[], bool]) -> list[_Opened]:
        """Read the image and its labels, if there are any."""
        load_layers()
        image, labels = self.item.image, self.item.labels
        opened = [self._open(image, image, self.item.name, self.axes)]
        if labels.exists():
            is_zarr = labels.suffix.lower() == ".zarr"
            path = labels / "labels" / GROUP if is_zarr else labels
            opened.append(self._open(labels, path, f"{self.item.name} labels"))
        return opened

    def _open(
        self, file: Path, path: Path, name: str, axes: str | None = None
    ) -> _Opened:
        stamp = (str(file), file.stat().st_mtime_ns if file.exists() else 0)
        is_shown = stamp in self.shown
        return _Opened(stamp, name, None if is_shown else _read(path, axes))


def _read(path: Path, axes: str | None) -> ImageFile:
    image = read_image(path, axes=axes)
    size = math.prod(image.array.shape) * np.dtype(image.array.dtype).itemsize
    if size <= _LARGEST:
        image = replace(image, array=np.asarray(image.array))
    order = sorted(range(len(image.axes)), key=lambda i: _ORDER.find(image.axes[i]))
    if order == [*range(len(image.axes))]:
        return image
    return replace(
        image,
        array=ArrayPart(image.array, (slice(None),) * image.array.ndim, tuple(order))
        if size > _LARGEST
        else image.array.transpose(order),
        axes="".join(image.axes[i] for i in order),
        channel_axis=None if image.channel_axis is None else 0,
        pixel_sizes=tuple(image.pixel_sizes[i] for i in order),
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
        self._hidden: list[Layer] = []
        self._to_show: list[tuple[_Opened, _MakeLayer]] = []
        # One layer at a time: napari takes up to a tenth of a second for each.
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._show_next)

    @property
    def is_busy(self) -> bool:
        """Whether files are being read."""
        return self._queue.is_running or bool(self._to_show)

    def open(self, record: BatchRecord, axes: str | None = None) -> None:
        """Show an image and its labels, and hide those that were shown before.

        Parameters
        ----------
        record : BatchRecord
            Of the image.
        axes : str, optional
            Of the image, where its file does not tell.
        """
        self.forget()
        self._queue.start(_Read(record.item, axes, frozenset(self._layers())).read)
        self.state_changed.emit()

    def forget(self) -> None:
        """Open nothing any more."""
        self._timer.stop()
        self._to_show = []
        self._queue.cancel()

    def _on_ended(self, outcome: list[_Opened] | Refused | Failed | None) -> None:
        if isinstance(outcome, Refused | Failed):
            show_problem(outcome)
        elif outcome is not None:
            makers = (_image_layer, _labels_layer)
            self._to_show = list(zip(outcome, makers, strict=False))
            self._hidden, self._shown = self._shown, []
            self._timer.start()
        self.state_changed.emit()

    def _show_next(self) -> None:
        (file, make), *self._to_show = self._to_show
        layers = self._viewer.layers
        layer = self._layers().get(file.stamp)
        if layer is None and file.content is not None:
            layer = make(file.content, file.name)
            layer.metadata[METADATA] = {_FILE: file.stamp}
            self._viewer.add_layer(layer)
        if layer is not None:
            layer.visible = True
            layers.selection.active = layer
            self._shown.append(layer)
        if not self._to_show:
            self._timer.stop()
            self._hide_others()
            self.state_changed.emit()

    def _hide_others(self) -> None:
        others = [
            layer
            for layer in self._hidden
            if layer in self._viewer.layers and layer not in self._shown
        ]
        for layer in others:
            layer.visible = False
        places = [s[0].extent.world for s in (others, self._shown) if s]
        if len(places) == 2 and not np.array_equal(*places):
            self._viewer.reset_view()

    def _layers(self) -> dict[Stamp, Layer]:
        """Return the layers that show files of batches."""
        found = {}
        for layer in self._viewer.layers:
            about = layer.metadata.get(METADATA)
            if isinstance(about, dict) and _FILE in about:
                found[about[_FILE]] = layer
        return found


def _image_layer(image: ImageFile, name: str) -> Image:
    is_rgb = image.axes.endswith("S")
    place = _spatial(image, image.axes.removesuffix("S"))
    return Image(image.array, name=name, rgb=is_rgb, **place)


def _labels_layer(labels: ImageFile, name: str) -> Labels:
    return Labels(labels.array, name=name, **_spatial(labels, labels.axes))


def _spatial(image: ImageFile, axes: str) -> dict[str, Any]:
    sizes = dict(zip(image.axes, image.pixel_sizes, strict=True))
    found = [sizes[axis] for axis in axes]
    return {
        "scale": [1.0 if size is None else size.size for size in found],
        "units": ["pixel" if size is None else size.unit for size in found],
        "axis_labels": list(axes),
    }

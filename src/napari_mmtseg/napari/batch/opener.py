"""Opening an image of a batch with its labels as layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari.layers import Image, Labels
from napari_mmtseg.batch.plan import BatchItem
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.files.provenance import LABEL_GROUP
from napari_mmtseg.files.read import read_image
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.napari.layers.colours import OPACITY, class_colormap
from napari_mmtseg.napari.layers.result import METADATA
from napari_mmtseg.napari.runs.latest import LatestTask
from napari_mmtseg.napari.runs.preload import load_layers
from napari_mmtseg.napari.runs.run import Failed, Refused, show_problem

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari.layers import Layer

_LARGEST = 2**30
"""Bytes up to which an image is read at once; a larger one is read as it is shown."""

_ORDER = "CTZYXS"
"""Axes as in label files; channels first, so that labels lie on all of them."""

_FILE = "file"
"""Entry of a layer's metadata: the file that it shows, its time of change and the
number of the image in it."""

Stamp: TypeAlias = tuple[str, int, int | None]


@dataclass(frozen=True)
class _File:
    """A layer to make; without data if an existing layer shows the file."""

    stamp: Stamp
    kind: type[Layer]
    data: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)


def _read_files(
    item: BatchItem,
    axes: str | None,
    series: int | None,
    shown: Collection[Stamp],
    should_cancel: Callable[[], bool],
) -> list[_File]:
    load_layers()
    files = [_read(Image, item.image, item.name, shown, axes, series)]
    if item.labels.exists():
        name = f"{item.name} labels"
        files.append(_read(Labels, item.labels, name, shown))
    return files


def _read(
    kind: type[Layer],
    path: Path,
    name: str,
    shown: Collection[Stamp],
    axes: str | None = None,
    series: int | None = None,
) -> _File:
    stamp = (str(path), path.stat().st_mtime_ns if path.exists() else 0, series)
    if stamp in shown:
        return _File(stamp, kind)
    if kind is Labels and path.suffix.lower() == ".zarr":
        path = path / "labels" / LABEL_GROUP
    image = read_image(path, axes=axes, series=series)
    order = sorted(range(len(image.axes)), key=lambda i: _ORDER.find(image.axes[i]))
    size = math.prod(image.array.shape) * np.dtype(image.array.dtype).itemsize
    data: Any = image.array
    if size <= _LARGEST:
        data = np.asarray(data).transpose(order)
    elif order != sorted(order):
        data = ArrayPart(data, (slice(None),) * data.ndim, tuple(order))
    spatial = [i for i in order if image.axes[i] != "S"]
    sizes = [image.pixel_sizes[i] for i in spatial]
    attributes: dict[str, Any] = {
        "name": name,
        "scale": [1.0 if size is None else size.size for size in sizes],
        "units": [(size and size.unit) or "pixel" for size in sizes],
        "axis_labels": [image.axes[i] for i in spatial],
    }
    if kind is Image:
        attributes["rgb"] = len(spatial) < len(order)
    else:
        attributes |= {"opacity": OPACITY, "colormap": class_colormap()}
    return _File(stamp, kind, data, attributes)


class BatchOpener(QObject):
    """Reads the files in a thread, and adds the layers in the window."""

    state_changed = Signal()

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._task = LatestTask(self)
        self._task.done.connect(self._on_read)
        self._shown: list[Layer] = []
        self._hidden: list[Layer] = []
        self._to_show: list[_File] = []
        # One layer at a time: napari takes up to a tenth of a second for each.
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._show_next)

    @property
    def is_busy(self) -> bool:
        """Whether files are being read."""
        return self._task.is_busy or bool(self._to_show)

    def open(
        self, record: BatchRecord, axes: str | None = None, series: int | None = None
    ) -> None:
        """Show an image and its labels, and hide those that were shown before.

        `axes` are those of the image, if its file does not name them, and `series` is
        its number in the file.
        """
        self.forget()
        shown = frozenset(self._layers())
        self._task.request(partial(_read_files, record.item, axes, series, shown))
        self.state_changed.emit()

    def forget(self) -> None:
        """Cancel opening."""
        self._timer.stop()
        self._to_show = []
        self._task.cancel()

    def _on_read(self, outcome: list[_File] | Refused | Failed) -> None:
        if isinstance(outcome, Refused | Failed):
            show_problem(outcome)
        else:
            self._to_show = outcome
            self._hidden, self._shown = self._shown, []
            self._timer.start()
        self.state_changed.emit()

    def _show_next(self) -> None:
        file, *self._to_show = self._to_show
        layers = self._viewer.layers
        layer = self._layers().get(file.stamp)
        if layer is None and file.data is not None:
            layer = file.kind(file.data, **file.attributes)
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

"""The figures of the table, counted in a thread."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from napari.qt.threading import GeneratorWorker, create_worker
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_mmtseg.labels.editing.table import ClassTable, count_pixels, count_regions
from napari_mmtseg.labels.uncertainty import mean_confidence

__all__ = ["ClassStatistics"]

_Wanted = tuple[NDArray[Any], tuple[slice, ...], int | None, NDArray[np.float32] | None]

_PAUSE_MS = 60
_MAX_REGION_PIXELS = 2**27
"""Regions of more pixels are not counted: napari could not close meanwhile."""


class ClassStatistics(QObject):
    """Counts the pixels, then the regions, of the labels asked for last.

    Parameters
    ----------
    parent : QObject
        Qt deletes this object with it.

    Attributes
    ----------
    counted : Signal
        Emits a ClassTable, first without and then with the number of regions; not if
        the labels are the same as the last time.
    """

    counted = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._wanted: _Wanted | None = None
        self._worker: GeneratorWorker | None = None
        self._last: tuple[object, ...] = ()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._start)

    @property
    def is_busy(self) -> bool:
        """Whether figures are still to come."""
        return self._worker is not None or self._timer.isActive()

    def request(
        self,
        data: NDArray[Any],
        index: tuple[slice, ...],
        n_axes: int | None,
        confidence: NDArray[np.float32] | None = None,
        *,
        anew: bool = False,
    ) -> None:
        """Count soon; what was asked for before is dropped.

        Parameters
        ----------
        data : ndarray of int
            The labels, read in a thread.
        index : tuple of slice
            The part that counts.
        n_axes : int or None
            Number of last axes along which pixels connect.
        confidence : ndarray of float, optional
            Of every pixel, in the shape of the labels.
        anew : bool
            Whether to tell the figures even if they are those told last.
        """
        if anew:
            self._last = ()
        self._wanted = data, index, n_axes, confidence
        self._timer.start()

    def stop(self) -> None:
        """Drop what was asked for."""
        self._wanted = None
        self._last = ()
        self._timer.stop()

    def _start(self) -> None:
        if self._wanted is None or self._worker is not None:
            return
        (data, index, n_axes, confidence), self._wanted = self._wanted, None
        last = self._last
        starts = tuple((s.start, s.stop) for s in index)

        def count() -> Iterator[tuple[ClassTable, tuple[object, ...]]]:
            part = np.array(data[index])
            flat: Any = part.reshape(-1).view(np.uint8)
            # napari says "set_data" as well when only the slice or a colour changes.
            seen = (zlib.crc32(flat), part.shape, starts, n_axes, id(confidence))
            if seen == last:
                return
            table = count_pixels(part)
            if confidence is not None and confidence.shape == data.shape:
                means = mean_confidence(part, confidence[index])
                each = [means.get(int(v), np.nan) for v in table.values]
                table = replace(table, confidence=np.array(each))
            can_count = part.size <= _MAX_REGION_PIXELS
            yield table, () if can_count else seen
            if can_count:
                n_regions = count_regions(part, table.values, n_axes)
                yield replace(table, n_regions=n_regions), seen

        worker = create_worker(count, _start_thread=False)
        worker.yielded.connect(self._on_counted)
        worker.finished.connect(self._on_finished)
        self._worker = worker
        worker.start()

    def _on_counted(self, told: tuple[ClassTable, tuple[object, ...]]) -> None:
        table, seen = told
        if self._wanted is None:
            self._last = seen
            self.counted.emit(table)

    def _on_finished(self) -> None:
        self._worker = None
        if self._wanted is not None and not self._timer.isActive():
            self._start()

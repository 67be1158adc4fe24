"""Figures for the table of classes, counted in a thread."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_mmtseg.labels.editing.table import ClassTable, count_pixels, count_regions
from napari_mmtseg.labels.uncertainty import mean_confidence
from napari_mmtseg.napari.runs.latest import LatestTask
from napari_mmtseg.napari.runs.run import Failed, show_problem

_Counted = tuple[ClassTable, tuple[object, ...]]
"""A table, and what identifies the labels that it was counted from."""

_PAUSE_MS = 60
_MAX_REGION_PIXELS = 2**27
"""Regions of more pixels are not counted: napari could not close meanwhile."""


class ClassStatistics(QObject):
    """Counts the pixels, then the regions, of the labels asked for last.

    `counted` emits a ClassTable, first without and then with the number of regions; not
    if the labels are the same as the last time.
    """

    counted = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._last: tuple[object, ...] = ()
        self._task = LatestTask(self, _PAUSE_MS)
        self._task.reported.connect(self._on_counted)
        self._task.done.connect(self._on_done)

    @property
    def is_busy(self) -> bool:
        """Whether figures are still to come."""
        return self._task.is_busy

    def request(
        self,
        data: NDArray[Any],
        index: tuple[slice, ...],
        n_axes: int | None,
        confidence: NDArray[np.float32] | None = None,
        *,
        repeat: bool = False,
    ) -> None:
        """Count the part `index` of labels soon, instead of any earlier request.

        `n_axes` is the number of last axes along which pixels connect, `confidence` has
        the shape of the labels. With `repeat`, figures are emitted even if they have
        not changed.
        """
        if repeat:
            self._last = ()
        starts = tuple((s.start, s.stop) for s in index)

        def count(_: object) -> Iterator[_Counted]:
            part = np.array(data[index])
            flat: Any = part.reshape(-1).view(np.uint8)
            # napari says "set_data" as well when only the slice or a colour changes.
            seen = (zlib.crc32(flat), part.shape, starts, n_axes, id(confidence))
            if seen == self._last:
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

        self._task.request(count)

    def stop(self) -> None:
        """Drop the request."""
        self._last = ()
        self._task.cancel()

    def _on_counted(self, counted: _Counted) -> None:
        table, self._last = counted
        self.counted.emit(table)

    def _on_done(self, outcome: Any) -> None:
        if isinstance(outcome, Failed):
            show_problem(outcome)

"""Go to the largest region of a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

from napari.layers import Labels
from napari_mmtseg.labels.editing.table import LargestRegion, largest
from napari_mmtseg.napari.layers.navigation import go_to
from napari_mmtseg.napari.runs.latest import LatestTask
from napari_mmtseg.napari.runs.run import Failed, show_problem

if TYPE_CHECKING:
    from napari.components import ViewerModel


class Navigator(QObject):
    """Finds the largest region of a class in a thread, and goes there."""

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layer: Labels | None = None
        self._starts: list[int] = []
        self._task = LatestTask(self)
        self._task.done.connect(self._arrive)

    @property
    def is_busy(self) -> bool:
        """Whether a region is being looked for."""
        return self._task.is_busy

    def visit(
        self, layer: Labels, value: int, index: tuple[slice, ...], n_axes: int | None
    ) -> None:
        """Go to the largest region of a class in a part of a layer."""
        data, self._layer = layer.data, layer
        self._starts = [s.start for s in index]
        self._task.request(lambda _: largest(data[index], value, n_axes))

    def _arrive(self, region: LargestRegion | Any) -> None:
        layer = self._layer
        if isinstance(region, Failed):
            show_problem(region)
        elif layer is not None and layer in self._viewer.layers:
            center = zip(region.center, self._starts, strict=True)
            go_to(self._viewer, layer, [c + start for c, start in center])

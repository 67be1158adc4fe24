"""Which slice of a stack the viewer shows, for whoever asks in another thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mmtseg._layers import Source
from napari_mmtseg._world_units import change_units

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["ShownSlice"]


class ShownSlice:
    """Follows the viewer's sliders.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose sliders are followed.
    source : Source
        The stack.
    frame_axes : str
        Axes that are no slider's: "YX", or "ZYX" of volumes.
    """

    def __init__(self, viewer: ViewerModel, source: Source, frame_axes: str) -> None:
        self._viewer = viewer
        self._place = source.place
        self._frame_axes = frame_axes
        self._index: tuple[int, ...] = ()
        for event in (viewer.dims.events.point, viewer.dims.events.units):
            event.connect(self._follow)
        self._follow()

    def __call__(self) -> tuple[int, ...]:
        """Return its position along the stacked axes; from any thread."""
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

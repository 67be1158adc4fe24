"""The other way of merging a result's classes, computed when it is asked for."""

from __future__ import annotations

from collections.abc import Generator

from napari.qt.threading import create_worker
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QObject, Signal

from napari.layers import Labels
from napari_mmtseg.labels.editing.class_count import ClassCount
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.napari.layers.result import LayerResult
from napari_mmtseg.napari.runs.preload import load_engine

__all__ = ["OtherMerging"]


class OtherMerging(QObject):
    """Makes the hierarchy of classes, or of regions, of an image that has the other.

    Attributes
    ----------
    found : Signal
        Emits the layer and the merging once its result has the shaper for it.
    failed : Signal
        Emits the layer where there is none; the reason has been shown.
    """

    found = Signal(object, str)
    failed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.is_busy = False

    def find(self, layer: Labels, result: LayerResult, merging: str) -> None:
        """Start; without effect while another is being made."""
        model, source = result.model, result.source
        if self.is_busy or model is None:
            return
        self.is_busy = True
        labels = layer.data

        def work() -> Generator[float, None, tuple[LabelHierarchy | Exception]]:
            load_engine()
            try:
                hierarchy = yield from model.iter_hierarchy(
                    source.read(), channel_axis=source.channel_axis, merging=merging
                )
            except Exception as error:  # a worker raises some and loses others
                return (error,)
            shown = result.shaper(labels).unedited(labels)
            return (hierarchy.reshaped(labels.shape).matched_to(shown),)

        def show(made: tuple[LabelHierarchy | Exception]) -> None:
            self.is_busy = False
            (hierarchy,) = made
            if isinstance(hierarchy, Exception):
                notification_manager.receive_error(
                    type(hierarchy), hierarchy, hierarchy.__traceback__
                )
                self.failed.emit(layer)
                return
            result.shapers[merging] = ClassCount(hierarchy)
            self.found.emit(layer, merging)

        worker = create_worker(work, _start_thread=False)
        worker.returned.connect(show)
        self.destroyed.connect(worker.quit)
        worker.start()

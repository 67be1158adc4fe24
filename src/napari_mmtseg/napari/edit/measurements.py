"""Measurements and files of the chosen layer, made beside the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.edit.files import save_labels, save_measurements
from napari_mmtseg.napari.edit.target import EditTarget
from napari_mmtseg.napari.layers.objects import Measuring, show_measurements
from napari_mmtseg.napari.layers.result import result_of
from napari_mmtseg.napari.runs.latest import LatestTask
from napari_mmtseg.napari.runs.run import Failed, Refused, show_problem

if TYPE_CHECKING:
    from napari.components import ViewerModel


class Measurements(QObject):
    """Measures every label of the chosen layer in a thread, and writes files in one.

    `described` emits what is going on, in words.
    """

    described = Signal(str)

    def __init__(
        self, viewer: ViewerModel, target: EditTarget, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._parent = parent
        self._viewer = viewer
        self._target = target
        self._measuring = LatestTask(self)
        self._saving = LatestTask(self)
        self._measuring.done.connect(self._on_measured)
        self._saving.done.connect(self._on_saved)

    @property
    def is_busy(self) -> bool:
        """Whether a thread is computing or writing."""
        return self._measuring.is_busy or self._saving.is_busy

    def to_features(self) -> None:
        """Measure, and put the table into the features of the layer."""
        self._measure(save=False)

    def to_file(self) -> None:
        """Measure, and ask for a file for the table."""
        self._measure(save=True)

    def save_labels(self, layer: Labels) -> None:
        """Ask for a file, and write the layer to it."""
        write = save_labels(self._parent, layer)
        if write is not None:
            self._saving.request(lambda _: write())

    def cancel(self) -> None:
        """Drop the measurements under way; files are finished."""
        self._measuring.cancel()

    def _measure(self, *, save: bool) -> None:
        layer = self._target.layer
        if layer is None:
            return
        result = result_of(layer)
        measured = None if result is None else result.measured
        try:
            measuring = Measuring.of(
                self._viewer.layers,
                layer,
                volumes=layer.ndim > 2 and self._target.across.isChecked(),
                confidence=None if measured is None else measured.confidence,
            )
        except InputError as error:
            show_warning(str(error))
            return
        self.described.emit("Measuring…")
        self._measuring.request(lambda _: (layer, measuring.measure(), save))

    def _on_measured(self, outcome: Any) -> None:
        self.described.emit("")
        if isinstance(outcome, Refused | Failed):
            show_problem(outcome)
            return
        layer, table, save = outcome
        if save:
            save_measurements(self._parent, layer, table)
        elif layer in self._viewer.layers:
            show_measurements(layer, table)
            n, columns = len(table), len(table.columns)
            self.described.emit(
                f"Measured {n:,} object{'s' * (n != 1)}: {columns} columns in the "
                "layer's features."
            )

    def _on_saved(self, outcome: Any) -> None:
        if isinstance(outcome, Refused | Failed):
            show_problem(outcome)
        else:
            show_info(outcome)

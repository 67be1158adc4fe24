"""The section that shapes a result: number of classes, classes or regions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_mmtseg._widgets.class_slider import ClassSlider
from napari_mmtseg._widgets.edit_runner import EditRunner
from napari_mmtseg._widgets.layer_result import result_of
from napari_mmtseg._widgets.settings_form import make_form_layout
from napari_mmtseg.label_shaping import LabelShaper, Shape

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["ShapeSection"]

_LOOK_AGAIN = 150
"""Milliseconds after a change of the labels until the slider follows."""

_OUTPUTS = {"classes": "Classes", "regions": "Connected regions"}


class ShapeSection(QWidget):
    """Shapes the active Labels layer, or the last one that could be shaped.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose active layer is followed.

    Attributes
    ----------
    slider : ClassSlider
        Number of classes.
    auto_button : QPushButton
        Back to the automatic number.
    output : QComboBox
        Classes or connected regions.
    runner : EditRunner
        Changes the layer.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._layer: Labels | None = None
        self.slider = ClassSlider()
        self.auto_button = QPushButton("Auto")
        self.auto_button.setToolTip("Back to the number of classes found automatically")
        self.output = QComboBox()
        self.output.addItems(list(_OUTPUTS.values()))
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.runner = EditRunner(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LOOK_AGAIN)
        self._timer.timeout.connect(self._look_again)
        self._arrange()
        self.slider.changed.connect(self._reshape)
        self.output.activated.connect(self._reshape)
        self.auto_button.clicked.connect(self._to_automatic)
        self.runner.busy_changed.connect(self._timer.start)
        viewer.layers.selection.events.active.connect(self.follow)
        viewer.layers.events.inserted.connect(self._adopt)
        viewer.layers.events.removed.connect(self.follow)
        self.follow()

    @property
    def layer(self) -> Labels | None:
        """The layer that is shaped."""
        return self._layer

    def follow(self, _: Any = None) -> None:
        """Take the active layer if it can be shaped."""
        layers = self._viewer.layers
        layer = self._layer if self._layer in layers else None
        active = layers.selection.active
        if isinstance(active, Labels) and _shaper(active) is not None:
            layer = active
        if layer != self._layer:
            if self._layer is not None:
                self._layer.events.set_data.disconnect(self._on_data)
            self._layer = layer
            if layer is not None:
                layer.events.set_data.connect(self._on_data)
        self._look_again()

    def _arrange(self) -> None:
        row = QWidget()
        buttons = QHBoxLayout(row)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.addWidget(self.output, 1)
        buttons.addWidget(self.auto_button)
        form = make_form_layout(
            [
                (
                    "Classes",
                    "How many classes the layer shows; no training",
                    self.slider,
                ),
                ("Show", "Classes, or a label for every connected region", row),
            ]
        )
        form.insertRow(0, self.about)
        self.setLayout(form)

    def _adopt(self, event: Any) -> None:
        result_of(event.value)  # a duplicate takes its result over
        self.follow()

    def _on_data(self, _: Any = None) -> None:
        self._timer.start()

    def _look_again(self) -> None:
        """Show what the layer shows: it may have been undone or edited."""
        layer = self._layer
        shaper = None if layer is None else _shaper(layer)
        self.setVisible(shaper is not None)
        if layer is None or shaper is None or self.runner.is_busy:
            return
        hierarchy = shaper.hierarchy
        fits = layer.data.shape == hierarchy.leaves.shape
        self.about.setText(
            f"Shape “{layer.name}”"
            if fits
            else f"“{layer.name}” has been given data of another shape."
        )
        for widget in (self.slider, self.output, self.auto_button):
            widget.setEnabled(fits)
        if fits:
            self._show(shaper.shape(layer.data), shaper)

    def _show(self, shape: Shape, shaper: LabelShaper) -> None:
        hierarchy = shaper.hierarchy
        self.slider.set_numbers(shape.n_labels, hierarchy.finest, hierarchy.automatic)
        self.output.setCurrentIndex(list(_OUTPUTS).index(shape.output))
        self.auto_button.setEnabled(shape.n_labels != hierarchy.automatic)

    def _to_automatic(self) -> None:
        self.slider.slider.setValue(self.slider.automatic)

    def _reshape(self, _: Any = None) -> None:
        layer = self._layer
        shaper = None if layer is None else _shaper(layer)
        if layer is None or shaper is None:
            return
        output = list(_OUTPUTS)[self.output.currentIndex()]
        n_labels = self.slider.slider.value()
        self.auto_button.setEnabled(n_labels != self.slider.automatic)
        operation = partial(shaper.reshape, n_labels=n_labels, output=output)
        self.runner.run(layer, operation, replaces="shape")


def _shaper(layer: Labels) -> LabelShaper | None:
    result = result_of(layer)
    return None if result is None else result.shaper

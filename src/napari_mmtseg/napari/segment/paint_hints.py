"""Strokes for the next run: a layer to paint in, and a run after every stroke."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QWidget

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.class_names import with_name
from napari_mmtseg.napari.layers.colours import class_colormap
from napari_mmtseg.napari.layers.result import result_of
from napari_mmtseg.napari.shared.layer_choice import LayerWatch

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_mmtseg.napari.layers.source import LayerSelection
    from napari_mmtseg.napari.segment.choices import ScribbleChoice

_KEYS = 9
"""Number of classes that have a key of their own."""

_WIDTH_SHARE, _NARROWEST, _WIDEST = 1 / 150, 2, 12
"""Width of the brush over the short side of the image, and its limits in pixels."""

_PAUSE = 250
"""Milliseconds after a stroke until the run begins, for the next stroke to follow."""


class PaintHints(QWidget):
    """A button that adds a layer to paint in, and a switch for runs after strokes.

    `choose_source` returns the whole image that is chosen, `run` starts a run, and
    `is_running` tells whether one is under way.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        choose_source: Callable[[], LayerSelection],
        scribbles: ScribbleChoice,
        run: Callable[[], None],
        is_running: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._choose_source = choose_source
        self._scribbles = scribbles
        self._run = run
        self._is_running = is_running
        self._waits = self._starts = self._is_own = False
        self._last: Labels | None = None
        self._watch = LayerWatch({"paint": self._on_stroke})
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._run_now)
        self.button = QPushButton("Paint hints")
        self.button.setToolTip(
            "Add a layer to paint a few strokes of every class in. Keys 1 to 9 choose "
            "the class."
        )
        self.after_strokes = QCheckBox("run after every stroke")
        self.after_strokes.setToolTip(
            "Segment again whenever the brush is lifted and two classes are painted. "
            "The result replaces the one before."
        )
        self.button.clicked.connect(self.add_layer)
        scribbles.changed.connect(self._follow)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        layout.addWidget(self.after_strokes, 1)
        self._follow()

    def add_layer(self) -> None:
        """Add a layer on the chosen image, or go on in the one that is there."""
        try:
            source = self._choose_source()
        except InputError as error:
            show_warning(str(error))
            return
        layer = self._own_layer(source)
        if layer is None:
            layer = _layer_for(source)
            self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = layer
        layer.mode = "paint"
        _bind_keys(layer)
        self._scribbles.choose(layer)
        show_info("Paint a few strokes of every class. Keys 1 to 9 choose the class.")

    def finished(self, layer: Labels) -> None:
        """Let the result of a run after a stroke replace the one before it."""
        before, self._last = self._last, layer if self._is_own else None
        if self._last is None or before is None or before not in self._viewer.layers:
            return
        result = result_of(before)
        if result is None or not result.can_show(before.data):
            return
        if result.class_count(before.data).has_edits(before.data):
            return
        name = before.name
        self._viewer.layers.remove(before)
        layer.name = name

    def on_state(self) -> None:
        """Note who has started a run; start the one that was waiting for its end."""
        if self._is_running():
            self._is_own = self._starts
        elif self._waits:
            self._timer.start()

    def _own_layer(self, source: LayerSelection) -> Labels | None:
        """Return the layer of hints that lies on the image already."""
        for layer in reversed(self._viewer.layers):
            if isinstance(layer, Labels) and layer.name == _name(source):
                return layer if layer.data.shape == source.place.shape else None
        return None

    def _follow(self) -> None:
        edits = self._scribbles.is_edits
        self._watch.follow(None if edits else self._scribbles.layer)

    def _on_stroke(self, _: Any = None) -> None:
        if self.after_strokes.isChecked():
            self._waits = True
            self._timer.start()

    def _run_now(self) -> None:
        layer = self._scribbles.layer
        if self._is_running() or layer is None:
            return
        self._waits = False
        if len(np.setdiff1d(np.unique(layer.data), [0])) > 1:
            self._starts = True
            self._run()
            self._starts = False


def _name(source: LayerSelection) -> str:
    return f"{source.name} hints"


def _layer_for(source: LayerSelection) -> Labels:
    """Return a layer of zeros on an image, with a brush that fits it."""
    place = source.place
    # Pages of zeros take memory once they are painted on.
    layer = Labels(
        np.zeros(place.shape, np.uint8),
        name=_name(source),
        colormap=class_colormap(),
        **place.attributes(),
    )
    for value in range(1, _KEYS + 1):
        layer.features = with_name(
            layer.features, value, f"class {value}", range(1, _KEYS + 1)
        )
    width = round(min(place.plane) * _WIDTH_SHARE)
    layer.brush_size = min(max(width, _NARROWEST), _WIDEST)
    layer.n_edit_dimensions = 2
    layer.selected_label = 1
    return layer


def _bind_keys(layer: Labels) -> None:
    """Let the keys 1 to 9 choose the class to paint."""
    for value in range(1, _KEYS + 1):

        def choose(layer: Labels, value: int = value) -> None:
            layer.selected_label = value
            layer.mode = "paint"

        layer.bind_key(str(value), choose, overwrite=True)

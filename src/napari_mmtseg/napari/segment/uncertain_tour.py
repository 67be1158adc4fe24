"""A tour of the least certain regions of a result: outline, text, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari.layers import Labels
from napari_mmtseg.labels.uncertainty import UncertainRegion
from napari_mmtseg.napari.layers.aids import add_aid
from napari_mmtseg.napari.layers.navigation import go_to, scene
from napari_mmtseg.napari.layers.placement import spatial_attributes
from napari_mmtseg.napari.layers.result import Measured
from napari_mmtseg.napari.shared.layer_choice import LayerWatch
from napari_mmtseg.napari.shared.shortcuts import WindowShortcuts
from napari_mmtseg.napari.shared.wrapped_label import WrappedLabel

if TYPE_CHECKING:
    from napari.components import ViewerModel

KEYS = {"previous": "Shift+Left", "next": "Shift+Right", "accept": "Shift+Y"}

_SURROUNDINGS = 3
"""Width of the view on a region, as a multiple of the region's."""

_AROUND = 100
"""Pixels that are shown on each side of a region, at least."""

_COLOUR = (1.0, 1.0, 1.0, 1.0)  # no class has it
_LINE = 400
"""Pixels in view for which the outline is as wide as one of them."""


class UncertainTour(QWidget):
    """Previous, Next and Accept, with a text about the region in view.

    The region is outlined in a layer of its own. Text and outline go when the layer
    goes, shows other classes or is edited in the region.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._layer: Labels | None = None
        self._measured: Measured | None = None
        self._at = -1
        self._watch = LayerWatch(
            dict.fromkeys(("labels_update", "set_data"), self._on_data)
        )
        self._seen: NDArray[Any] | None = None
        self.outline: Labels | None = None
        self.about = WrappedLabel()
        self.buttons = {
            "previous": QPushButton("Previous"),
            "next": QPushButton("Next"),
            "accept": QPushButton("Accept"),
        }
        tips = {
            "previous": "Go back to the region before",
            "next": "Go to the next region",
            "accept": "This region is right: leave it out from now on",
        }
        row = QHBoxLayout()
        for name, button in self.buttons.items():
            button.setToolTip(f"{tips[name]} ({KEYS[name]})")
            button.setMinimumWidth(40)
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.about)
        layout.addLayout(row)
        self._keys = WindowShortcuts({KEYS[n]: b for n, b in self.buttons.items()})
        self.buttons["previous"].clicked.connect(lambda: self._step(-1))
        self.buttons["next"].clicked.connect(lambda: self._step(1))
        self.buttons["accept"].clicked.connect(self._accept)
        viewer.layers.events.removed.connect(self._on_removed)
        self.hide()

    def go_on(self, layer: Labels, measured: Measured) -> None:
        """Go to the next region of a layer, or to its first one."""
        if measured is not self._measured:
            self._measured, self._at = measured, -1
        self._layer = layer
        self._watch.follow(layer)
        self._step(1)

    def keep_if(self, layer: Labels | None, measured: Measured | None) -> None:
        """Forget the region in view unless it is still one of a layer."""
        if self.isHidden():
            return
        if layer is None or (layer, measured) != (self._layer, self._measured):
            self.forget()

    def forget(self) -> None:
        """Take text and outline away."""
        self._seen = None
        self._watch.follow(None)
        self.hide()
        outline, self.outline = self.outline, None
        if outline is not None and outline in self._viewer.layers:
            self._viewer.layers.remove(outline)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Bind the keys while there is a region in view."""
        super().showEvent(event)
        self._keys.bind(self)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Give the keys back."""
        super().hideEvent(event)
        self._keys.release()

    def _left(self) -> list[int]:
        """Return the places of the regions that are not accepted."""
        measured = self._measured
        assert measured is not None
        all_places = range(len(measured.regions))
        return [i for i in all_places if i not in measured.accepted]

    def _step(self, step: int) -> None:
        layer, measured, left = self._layer, self._measured, self._left()
        assert layer is not None
        assert measured is not None
        for button in self.buttons.values():
            button.setVisible(bool(left))
        if not left:
            self.forget()
            all_accepted = "All uncertain regions are accepted."
            nothing = "Nothing is uncertain here."
            self._say(all_accepted if measured.regions else nothing)
            return
        later = [i for i in left if i > self._at] or left
        earlier = [i for i in left if i < self._at] or left
        self._at = later[0] if step > 0 else earlier[-1]
        region = measured.regions[self._at]
        self._seen = np.array(layer.data[region.box])
        self._look_at(layer, region)
        self._say(
            f"Least certain, {left.index(self._at) + 1} of {len(left)}: "
            f"{region.size:,} pixels of class {layer.data[region.place]}, confidence "
            f"{region.confidence:.2f}."
        )

    def _accept(self) -> None:
        assert self._measured is not None
        self._measured.accepted.add(self._at)
        self._step(1)

    def _look_at(self, layer: Labels, region: UncertainRegion) -> None:
        viewer = self._viewer
        go_to(viewer, layer, [(s.start + s.stop - 1) / 2 for s in region.box])
        there = scene(viewer).camera.center
        viewer.reset_view()  # whose zoom shows the whole image
        widest = max(layer.data.shape[-2:])
        side = max(s.stop - s.start for s in region.box[-2:])
        shown = max(side * _SURROUNDINGS, side + 2 * _AROUND)
        if shown < widest:
            camera = scene(viewer).camera
            camera.center = there
            camera.zoom *= widest / shown
        self._draw(layer, region, max(round(min(shown, widest) / _LINE), 1))

    def _draw(self, layer: Labels, region: UncertainRegion, width: int) -> None:
        outline, self.outline = self.outline, None
        if outline is not None and outline in self._viewer.layers:
            self._viewer.layers.remove(outline)
        # napari draws no line at the border of the data.
        margin = [(0, 0)] * (region.pixels.ndim - 2) + [(width, width)] * 2
        start = [s.start - m for s, (m, _) in zip(region.box, margin, strict=True)]
        self.outline = Labels(
            np.pad(region.pixels.astype(np.uint8), margin),
            name="least certain",
            colormap=DirectLabelColormap(
                color_dict={None: "transparent", 0: "transparent", 1: _COLOUR}
            ),
            opacity=1,
            blending="translucent_no_depth",
            **spatial_attributes(layer, start),
        )
        self.outline.contour = width
        self.outline.editable = False
        add_aid(self._viewer, self.outline)

    def _on_data(self, _: Any = None) -> None:
        if self._seen is None or self._layer is None or self._measured is None:
            return
        box = self._measured.regions[self._at].box
        if not np.array_equal(self._layer.data[box], self._seen):
            self.forget()

    def _on_removed(self, event: Any) -> None:
        if event.value == self.outline:
            self.outline = None  # the user has had enough of it
        elif event.value == self._layer:
            self.forget()

    def _say(self, text: str) -> None:
        self.about.setText(text)
        self.show()

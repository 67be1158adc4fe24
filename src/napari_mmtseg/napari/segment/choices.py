"""Choices that follow the layers of a viewer, and that of the scribbles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import ComboBox
from psygnal import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.aids import is_aid
from napari_mmtseg.napari.layers.result import result_of
from napari_mmtseg.napari.layers.scribbles import LayerScribbles, choose_scribbles
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.shared.narrow_box import keep_narrow

if TYPE_CHECKING:
    from napari.components import ViewerModel


class ChoiceBox:
    """A choice among values, the first one by default.

    `field` is a magicgui box of their texts. `offer` returns the text and value of each
    entry and is asked again when layers change. `changed` is emitted when another value
    is chosen or the chosen one is gone.
    """

    changed = Signal()

    def __init__(
        self, viewer: ViewerModel, name: str, offer: Callable[[], list[tuple[str, Any]]]
    ) -> None:
        self._offer = offer
        self._values: dict[str, Any] = dict(offer())
        self.field = ComboBox(name=name, choices=lambda _: list(self._values))
        keep_narrow(self.field.native)
        self.field.changed.connect(self._on_change)
        events = viewer.layers.events
        for event in ("inserted", "removed", "reordered", "renamed"):
            getattr(events, event).connect(self.refresh)

    @property
    def value(self) -> Any:
        """The chosen value."""
        return self._values.get(self.field.value)

    def choose(self, value: Any) -> None:
        """Choose a value if it is offered."""
        for text, offered in self._values.items():
            if offered == value:
                self.field.value = text
                return

    def refresh(self, _: Any = None) -> None:
        """Renew the entries; the chosen one stays if it is still offered."""
        chosen = self.value
        self._values = dict(self._offer())
        stays = [text for text, value in self._values.items() if value == chosen]
        with self.field.changed.blocked():
            self.field.native.clear()
            self.field.reset_choices()
            self.field.value = stays[0] if stays else next(iter(self._values))
        if not stays:
            self.changed.emit()

    def _on_change(self, _: Any) -> None:
        self.changed.emit()


@dataclass(frozen=True)
class _Scribbled:
    layer: Labels
    edits: bool


class ScribbleChoice:
    """The choice of scribbles: their layer, and whether other slices count.

    `changed` is emitted when another layer is chosen.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._choice = ChoiceBox(viewer, "scribbles", self._offer)
        self.field, self.refresh = self._choice.field, self._choice.refresh
        self.changed = self._choice.changed
        self.all_slices = QCheckBox("all slices")
        self.all_slices.setToolTip("Learn from what is painted on other slices, too")
        self.row = QWidget()

    def fill_row(self) -> None:
        """Put the fields into their row, out of the container that has taken them."""
        layout = QHBoxLayout(self.row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.field.native, 1)
        layout.addWidget(self.all_slices)

    @property
    def layer(self) -> Labels | None:
        """The chosen layer."""
        choice = self._choice.value
        return None if choice is None else choice.layer

    @property
    def is_edits(self) -> bool:
        """Whether only the edits of a result count."""
        choice = self._choice.value
        return choice is not None and choice.edits

    @property
    def learns_elsewhere(self) -> bool:
        """Whether other slices are learned from as well."""
        return self.all_slices.isChecked() and not self.all_slices.isHidden()

    def choose(self, layer: Labels | None, *, edits: bool = False) -> None:
        """Choose a layer, or none."""
        self._choice.choose(None if layer is None else _Scribbled(layer, edits))

    def scribbles(self, source: LayerSelection) -> LayerScribbles | None:
        """Return the scribbles on an image; raise InputError if they cannot be used."""
        choice = self._choice.value
        if choice is None:
            return None
        labels: Any = choice.layer.data
        if choice.layer.multiscale:
            labels = labels[0]
        name = choice.layer.name
        if choice.edits:
            result = result_of(choice.layer)
            if result is None or not result.can_show(labels):
                raise InputError(
                    f"“{name}” is not a result any more. Choose other scribbles."
                )
            labels = result.class_count(labels).edits(labels)
            if not labels.any():
                raise InputError(
                    f"“{name}” has not been edited. Paint what is wrong with the label "
                    "that it should have, or choose no scribbles."
                )
        scribbles = choose_scribbles(
            name, labels, source, all_slices=self.learns_elsewhere
        )
        if choice.edits:
            assert result is not None
            data = choice.layer.data
            erased = result.class_count(data).erased(data)
            erased = np.reshape(erased, scribbles.painted.shape)
            scribbles = replace(scribbles, erased=erased)
        return scribbles

    def show_slices(self, source: LayerSelection | None) -> None:
        """Offer other slices if there are any."""
        # Of large slices only what is chosen is read.
        other = source is not None and bool(source.slices) and source.is_one_image
        self.all_slices.setVisible(other)

    def _offer(self) -> list[tuple[str, Any]]:
        layers = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Labels) and not is_aid(layer)
        ]
        painted = [(la.name, _Scribbled(la, False)) for la in layers]
        edited = [
            (f"edits of {la.name}", _Scribbled(la, True))
            for la in layers
            if (result := result_of(la)) is not None and result.class_counts
        ]
        return [("none", None), *painted, *edited]

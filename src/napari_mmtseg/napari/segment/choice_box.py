"""A combo box whose entries follow the layers of a viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtWidgets import QComboBox

from napari_mmtseg.napari.shared.layer_choice import keep_narrow

if TYPE_CHECKING:
    from napari.components import ViewerModel


class ChoiceBox:
    """A choice among values, the first one by default.

    `offer` returns the text and value of each entry and is asked again when layers
    change. `changed` is emitted when another value is chosen or the chosen one is gone.
    """

    changed = Signal()

    def __init__(
        self, viewer: ViewerModel, offer: Callable[[], list[tuple[str, Any]]]
    ) -> None:
        self._offer = offer
        self._values: list[Any] = []
        self.box = QComboBox()
        keep_narrow(self.box)
        self.refresh()
        self.box.currentIndexChanged.connect(self._on_change)
        events = viewer.layers.events
        for name in ("inserted", "removed", "reordered", "renamed"):
            getattr(events, name).connect(self.refresh)

    @property
    def value(self) -> Any:
        """The chosen value."""
        return self._values[self.box.currentIndex()] if self._values else None

    def choose(self, value: Any) -> None:
        """Choose a value if it is offered."""
        if value in self._values:
            self.box.setCurrentIndex(self._values.index(value))

    def refresh(self, _: Any = None) -> None:
        """Renew the entries; the chosen one stays if it is still offered."""
        chosen, entries = self.value, self._offer()
        self._values = [value for _, value in entries]
        stays = chosen in self._values
        self.box.blockSignals(True)
        self.box.clear()
        self.box.addItems([text for text, _ in entries])
        self.box.setCurrentIndex(self._values.index(chosen) if stays else 0)
        self.box.blockSignals(False)
        if not stays:
            self.changed.emit()

    def _on_change(self, _: int) -> None:
        self.changed.emit()

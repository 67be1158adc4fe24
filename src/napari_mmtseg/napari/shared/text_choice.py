"""A magicgui box of texts that takes others, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtWidgets import QComboBox

from napari_mmtseg.napari.shared.narrow_box import keep_narrow


class TextChoice(ComboBox):
    """A box of texts in which any other may be written; its value is the text."""

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name, choices=())
        box: QComboBox = self.native
        box.setEditable(True)
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        box.editTextChanged.connect(self.changed.emit)
        keep_narrow(box)

    @property
    def value(self) -> str:
        """The text."""
        return str(self.native.currentText())

    @value.setter
    def value(self, value: str) -> None:
        self.native.setEditText(str(value))

    def offer(self, texts: Sequence[str]) -> None:
        """Offer other texts and show the first."""
        self.native.clear()
        self.native.addItems(texts)

    def reset_choices(self, *_: Any) -> None:
        """Keep the texts that are offered, as these are not of the layers."""

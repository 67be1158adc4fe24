"""Buttons that take the settings elsewhere: clipboard and file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QApplication, QFileDialog, QGridLayout, QPushButton, QWidget

from napari_mmtseg._layers import Source
from napari_mmtseg._widgets.as_python import as_python
from napari_mmtseg._widgets.hints_choice import HintsChoice
from napari_mmtseg._widgets.settings_form import SettingsForm
from napari_mmtseg.errors import InputError
from napari_mmtseg.settings import SegmentationSettings

__all__ = ["SettingsActions"]

_FILES = "Settings (*.json)"


class SettingsActions(QWidget):
    """Copy as Python, Save settings, Load settings.

    Parameters
    ----------
    form : SettingsForm
        Whose settings are copied, saved and loaded.
    choose_source : callable
        Returns the image that the code shall segment; may raise InputError.
    hints : HintsChoice
        What the run learns from.
    """

    def __init__(
        self,
        form: SettingsForm,
        choose_source: Callable[[], Source],
        hints: HintsChoice,
    ) -> None:
        super().__init__()
        self._form = form
        self._choose_source = choose_source
        self._hints = hints
        self.copy_button = QPushButton("Copy as Python")
        self.copy_button.setToolTip(
            "Copy code for napari's console that gives the same labels"
        )
        self.save_button = QPushButton("Save settings…")
        self.save_button.setToolTip("Write all settings to a JSON file")
        self.load_button = QPushButton("Load settings…")
        self.load_button.setToolTip("Take all settings from a JSON file")
        self.copy_button.clicked.connect(self.copy_as_python)
        self.save_button.clicked.connect(self.save_settings)
        self.load_button.clicked.connect(self.load_settings)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.copy_button, 0, 0, 1, 2)
        layout.addWidget(self.save_button, 1, 0)
        layout.addWidget(self.load_button, 1, 1)

    def copy_as_python(self) -> None:
        """Put the code of this run on the clipboard."""
        hints = self._hints
        if hints.is_edits or (hints.layer is not None and hints.learns_elsewhere):
            show_warning(
                "Edits of a result and paint on other slices are not put into code. "
                "Choose a Labels layer with strokes on this slice, or no hints."
            )
            return
        try:
            code = as_python(self._choose_source(), self._form.settings(), hints.layer)
        except InputError as error:
            show_warning(str(error))
            return
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(code)
        show_info("The code is on the clipboard. Paste it into napari's console.")

    def save_settings(self) -> None:
        """Ask for a file name and write the settings."""
        name, _ = QFileDialog.getSaveFileName(
            self, "Save settings", "mmtseg-settings.json", _FILES
        )
        if not name:
            return
        path = Path(name)
        if not path.suffix:
            path = path.with_suffix(".json")
        try:
            self._form.settings().to_json(path)
        except InputError as error:
            show_warning(str(error))

    def load_settings(self) -> None:
        """Ask for a file and show its settings."""
        name, _ = QFileDialog.getOpenFileName(self, "Load settings", "", _FILES)
        if not name:
            return
        try:
            self._form.set_settings(SegmentationSettings.from_json(name))
        except InputError as error:
            show_warning(str(error))

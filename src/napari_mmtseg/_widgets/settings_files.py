"""Buttons that write the settings to a file and read them from one."""

from __future__ import annotations

from pathlib import Path

from napari.utils.notifications import show_warning
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_mmtseg._widgets.settings_form import SettingsForm
from napari_mmtseg.errors import InputError
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["SettingsFiles"]

_FILES = "Settings (*.json)"


class SettingsFiles(QWidget):
    """Save settings, Load settings.

    Parameters
    ----------
    form : SettingsForm
        Whose settings are saved and loaded.
    """

    def __init__(self, form: SettingsForm) -> None:
        super().__init__()
        self._form = form
        self.save_button = QPushButton("Save settings…")
        self.save_button.setToolTip("Write all settings to a JSON file")
        self.load_button = QPushButton("Load settings…")
        self.load_button.setToolTip("Take all settings from a JSON file")
        self.save_button.clicked.connect(self.save_settings)
        self.load_button.clicked.connect(self.load_settings)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.save_button)
        layout.addWidget(self.load_button)

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

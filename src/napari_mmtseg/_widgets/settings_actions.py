"""Buttons that take the settings elsewhere: clipboard and file."""

from __future__ import annotations

from collections.abc import Callable

from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from napari_mmtseg._layers import Source
from napari_mmtseg._widgets.as_python import as_python
from napari_mmtseg._widgets.hints_choice import HintsChoice
from napari_mmtseg._widgets.settings_files import SettingsFiles
from napari_mmtseg._widgets.settings_form import SettingsForm
from napari_mmtseg.errors import InputError

__all__ = ["SettingsActions"]


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
        self.files = SettingsFiles(form)
        self.copy_button.clicked.connect(self.copy_as_python)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.copy_button)
        layout.addWidget(self.files)

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

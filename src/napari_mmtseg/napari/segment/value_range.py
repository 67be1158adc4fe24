"""Buttons that set the range of values: the contrast limits, or automatic."""

from __future__ import annotations

from napari.utils.notifications import show_warning
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.segment.source import SourceChoice
from napari_mmtseg.napari.shared.settings_form import SettingsForm

_DIGITS = 6
"""Significant digits of a contrast limit that are taken."""


class ValueRangeButtons(QWidget):
    """The contrast limits of the layer as darkest and brightest value, or neither."""

    def __init__(self, form: SettingsForm, choice: SourceChoice) -> None:
        super().__init__()
        self._form, self._choice = form, choice
        self.limits_button = QPushButton("Contrast limits")
        self.limits_button.setToolTip(
            "Take what the image layer shows as black and as white"
        )
        self.automatic_button = QPushButton("Automatic")
        self.automatic_button.setToolTip("Let the image decide")
        self.limits_button.clicked.connect(self.take_limits)
        self.automatic_button.clicked.connect(lambda: self._set(None, None))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.limits_button)
        layout.addWidget(self.automatic_button)

    def take_limits(self) -> None:
        """Set the range to the contrast limits of the layer, as they are now."""
        layer = self._choice.layer.value
        if layer is None or layer.rgb:
            show_warning("Choose an image with contrast limits: not RGB.")
            return
        low, high = (float(f"{x:.{_DIGITS}g}") for x in layer.contrast_limits)
        self._set(low, high)

    def _set(self, low: float | None, high: float | None) -> None:
        values = {"darkest_value": low, "brightest_value": high}
        try:
            self._form.set_settings(self._form.settings().replace(**values))
        except InputError as error:
            show_warning(str(error))

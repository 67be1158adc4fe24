"""Form of all settings, made from their descriptions."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox
from magicgui.widgets.bases import ValueWidget
from napari.utils.notifications import show_warning
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.shared.narrow_box import keep_narrow
from napari_mmtseg.napari.shared.number_field import read_as_shown
from napari_mmtseg.settings.fields import SegmentationSettings, parameters
from napari_mmtseg.settings.parameter import Parameter
from napari_mmtseg.settings.presets import PRESETS

Row: TypeAlias = tuple[str, str, QWidget]
"""Title, tooltip and widget."""

_GROUPS = ("Classes", "Objects", "Colour and light", "Training", "Computer")
"""Headings in the order of the form: first what one sees in the result."""

_MAX_DECIMALS = 4
_LONGEST_SUFFIX = 8
_LONGEST_SPECIAL = 10
_OFFERED_LABELS = 4


class SettingsForm:
    """A widget for every setting; `changed` is emitted once after any change."""

    changed = Signal()

    def __init__(self) -> None:
        self.widgets = {
            name: _make_widget(parameter) for name, parameter in parameters().items()
        }
        self._is_setting = False
        for name, widget in self.widgets.items():
            widget.changed.connect(
                self._on_preset if name == "preset" else self._on_value
            )
        # Choosing the same preset again resets later changes.
        self.widgets["preset"].native.activated.connect(self._on_preset)
        self.set_settings(SegmentationSettings.offered())

    def groups(self) -> dict[str, list[Row]]:
        """Return rows of a form by heading; settings without a heading are left out."""
        groups: dict[str, list[Row]] = {}
        for name, parameter in parameters().items():
            if parameter.group:
                groups.setdefault(parameter.group, []).append(self.row(name))
        return {name: groups[name] for name in sorted(groups, key=_GROUPS.index)}

    def row(self, name: str) -> Row:
        """Return title, tooltip and widget of a setting."""
        parameter = parameters()[name]
        return parameter.title, tooltip(parameter), self.widgets[name].native

    def settings(self) -> SegmentationSettings:
        """Return the settings; InputError if the values contradict each other."""
        values = {
            name: _read(parameters()[name], widget)
            for name, widget in self.widgets.items()
        }
        preset = values.pop("preset")
        base = SegmentationSettings(preset).to_dict()
        # Only what differs: the settings fit the rest to it, as they do in a script.
        return SegmentationSettings(
            preset, **{k: v for k, v in values.items() if v != base[k]}
        )

    def set_settings(self, settings: SegmentationSettings) -> None:
        """Show other settings."""
        self._is_setting = True
        try:
            for name, value in settings.to_dict().items():
                _write(parameters()[name], self.widgets[name], value)
        finally:
            self._is_setting = False
        self.changed.emit()

    def _on_preset(self, *_: Any) -> None:
        if not self._is_setting:
            preset = self.widgets["preset"].value
            self.set_settings(SegmentationSettings.offered(preset))

    def _on_value(self, *_: Any) -> None:
        if not self._is_setting:
            self.changed.emit()


def make_form_layout(rows: Iterable[Row]) -> QFormLayout:
    """Return a form of titles, tooltips and widgets."""
    layout = QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setVerticalSpacing(4)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    # A long title goes above its field instead of widening the panel.
    layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    for title, text, widget in rows:
        if not title:
            layout.addRow(widget)
            continue
        label = QLabel(title)
        label.setToolTip(text)
        label.setBuddy(widget)
        widget.setToolTip(text)
        layout.addRow(label, widget)
    return layout


class Fold(QWidget):
    """Groups of rows under headings, which unfold when the title is clicked.

    What is in a closed fold is hidden, so that the Tab key skips it.
    """

    def __init__(self, title: str, groups: Mapping[str, Iterable[Row]]) -> None:
        super().__init__()
        self._text = title
        self.title = QToolButton()
        self.title.setAutoRaise(True)
        self.title.setCheckable(True)
        self.title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # As text: an icon would keep the colour of text before the theme is known.
        self.title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.content = QWidget()
        self._rows = QVBoxLayout(self.content)
        self._rows.setContentsMargins(0, 4, 0, 0)
        for heading, rows in groups.items():
            self.add(_heading(heading))
            self._rows.addLayout(make_form_layout(rows))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.title)
        layout.addWidget(self.content)
        self.title.toggled.connect(self._on_toggled)
        self._on_toggled(is_open=False)

    def add(self, widget: QWidget) -> None:
        """Add a widget below all rows."""
        self._rows.addWidget(widget)

    def _on_toggled(self, is_open: bool) -> None:
        self.title.setText(f"{'▾' if is_open else '▸'} {self._text}")
        self.content.setVisible(is_open)


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    label.setContentsMargins(0, 6, 0, 0)
    return label


def show_row(layout: QFormLayout, widget: QWidget, is_shown: bool) -> None:
    """Show or hide a row of a form with its title."""
    title = layout.labelForField(widget)
    assert title is not None
    for part in (title, widget):
        part.setVisible(is_shown)


def tooltip(parameter: Parameter) -> str:
    """Return the description and the accepted values; rich text, so that it wraps."""
    text = html.escape(parameter.description)
    accepted = parameter.accepted
    for name in parameter.choices:
        text = text.replace(name, _shown(name))
    if parameter.choices and not parameter.or_label:
        accepted = "one of: " + ", ".join(_shown(name) for name in parameter.choices)
    return f"<qt>{text}<br><i>{html.escape(accepted)}</i></qt>"


def _shown(choice: str) -> str:
    return choice.replace("_", " ")


def _make_widget(parameter: Parameter) -> ValueWidget[Any]:
    if parameter.kind is bool:
        check_box = CheckBox(name=parameter.name)
        check_box.native.setText("")  # magicgui would repeat the name
        return check_box
    if parameter.kind is str:
        choices: list[tuple[str, Any]]
        choices = [(_shown(name), name) for name in parameter.choices]
        if parameter.or_label:
            choices += [(f"label {n}", n) for n in range(1, _OFFERED_LABELS + 1)]
        combo_box = ComboBox(name=parameter.name, choices=choices)
        keep_narrow(combo_box.native)
        return combo_box
    assert parameter.minimum is not None
    assert parameter.maximum is not None
    decimals = 0 if parameter.kind is int else _decimals(parameter)
    widget = FloatSpinBox(
        name=parameter.name,
        min=_none_value(parameter) if parameter.optional else parameter.minimum,
        max=parameter.maximum,
        step=None,
    )
    box = widget.native
    box.setDecimals(decimals)
    box.setMinimumWidth(60)
    box.setKeyboardTracking(False)
    read_as_shown(box)
    if parameter.optional:
        box.setMinimum(_none_value(parameter))
        short = len(parameter.none_means) <= _LONGEST_SPECIAL
        box.setSpecialValueText(parameter.none_means if short else "none")
    if parameter.unit and len(parameter.unit) <= _LONGEST_SUFFIX:
        box.setSuffix(f" {parameter.unit}")
    return widget


def _none_value(parameter: Parameter) -> float:
    """Return the number for None: 0, or a step below a range that contains 0."""
    assert parameter.minimum is not None
    if parameter.minimum > 0:
        return 0
    return parameter.minimum - 10.0 ** -_decimals(parameter)


def _decimals(parameter: Parameter) -> int:
    values = [parameter.default, parameter.minimum, parameter.maximum]
    values += [preset.get(parameter.name, 0) for preset in PRESETS.values()]
    most = max(_digits(v) for v in values if v is not None)
    return max(min(most, _MAX_DECIMALS), parameter.decimals) or 1


def _digits(value: float) -> int:
    exponent = Decimal(repr(float(value))).normalize().as_tuple().exponent
    return max(-int(exponent), 0)


def _read(parameter: Parameter, widget: ValueWidget[Any]) -> Any:
    value = widget.value
    if parameter.optional and value <= _none_value(parameter):
        return None
    if parameter.kind is int:
        # A number between zero, which means None, and the smallest accepted value.
        return max(int(value), int(parameter.minimum or 0))
    return value


def _write(parameter: Parameter, widget: ValueWidget[Any], value: Any) -> None:
    if parameter.kind is float and value is not None:
        box = widget.native
        box.setDecimals(max(box.decimals(), _digits(value)))
    if isinstance(widget, ComboBox) and value not in widget.choices:
        widget.set_choice(f"label {value}", value)
    widget.value = _none_value(parameter) if value is None else value


_FILES = "Settings (*.json)"


class SettingsFiles(QWidget):
    """Buttons Save settings and Load settings."""

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

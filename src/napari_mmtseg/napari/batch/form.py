"""Form of a batch: folders, files, model, settings, workers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import (
    CheckBox,
    ComboBox,
    FileEdit,
    FloatSpinBox,
    LineEdit,
    SpinBox,
)
from psygnal import Signal
from qtpy.QtCore import QUrl
from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from napari_mmtseg.batch.model import DEFAULT_FIT_ON
from napari_mmtseg.batch.plan import BatchRequest
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.formats import FILE_FORMATS
from napari_mmtseg.images.channel_numbers import parse_channels
from napari_mmtseg.napari.shared.narrow_box import keep_narrow
from napari_mmtseg.napari.shared.settings_form import (
    Fold,
    SettingsForm,
    make_form_layout,
    show_row,
)
from napari_mmtseg.settings.fields import SegmentationSettings

_MODES = {
    "one for all": "one_model",
    "a saved one": "saved",
    "one for each": "each",
}
_MOST_FITTED = 10_000
_MOST_SERIES = 10_000
_LARGEST = -1
"""Shown where the image with the largest pages is taken."""


class BatchForm(QWidget):
    """The fields of a batch."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.source = _path_edit(FileDialogMode.EXISTING_DIRECTORY)
        self.target = _path_edit(FileDialogMode.EXISTING_DIRECTORY)
        self.model = _path_edit(FileDialogMode.EXISTING_FILE, "*.safetensors")
        self.pattern = LineEdit(value="*")
        self.axes = LineEdit()
        self.series = FloatSpinBox(value=_LARGEST, min=_LARGEST, max=_MOST_SERIES)
        self.channels = LineEdit()
        self.scheduler = LineEdit()
        self.mode = ComboBox(choices=list(_MODES.items()))
        self.file_format = ComboBox(choices=list(FILE_FORMATS))
        self.fit_on = SpinBox(value=DEFAULT_FIT_ON, min=1, max=_MOST_FITTED)
        self.n_workers = SpinBox(min=1, max=max(2 * (os.cpu_count() or 1), 4))
        self.overwrite = CheckBox()
        self.settings = SettingsForm()
        self._suggested = ""
        self._arrange()
        self.source.changed.connect(self._suggest_target)
        self.mode.changed.connect(self._show_fields)
        for widget in (
            self.source,
            self.target,
            self.model,
            self.pattern,
            self.axes,
            self.series,
            self.channels,
            self.scheduler,
            self.mode,
            self.file_format,
            self.fit_on,
            self.n_workers,
            self.overwrite,
            self.settings,
        ):
            widget.changed.connect(self._on_change)
        self._show_fields()

    @property
    def address(self) -> str | None:
        """Address of the scheduler; None without one."""
        return self.scheduler.value.strip() or None

    @property
    def series_number(self) -> int | None:
        """Number of the image in files that hold several; None for the largest."""
        return None if self.series.value == _LARGEST else int(self.series.value)

    def request(self) -> BatchRequest:
        """Return the batch that the fields describe, without reading the disk.

        Raises InputError if a required field is empty, or settings contradict each
        other.
        """
        source, target = _path(self.source), _path(self.target)
        if source is None:
            raise InputError("Choose a folder of images.")
        if target is None:
            raise InputError("Choose a folder for the labels.")
        mode = self.mode.value
        model = _path(self.model) if mode == "saved" else None
        if mode == "saved" and model is None:
            raise InputError("Choose the file of a saved model.")
        # As on the command line, so that each can resume a run of the other.
        usual = self.fit_on.value == DEFAULT_FIT_ON
        return BatchRequest(
            source=source,
            target=target,
            pattern=self.pattern.value.strip() or "*",
            model=model,
            fit_on=None if usual or mode != "one_model" else self.fit_on.value,
            mode="each" if mode == "each" else "one_model",
            # A saved model has been fitted with settings of its own.
            settings=SegmentationSettings() if model else self.settings.settings(),
            n_workers=self.n_workers.value,
            overwrite=self.overwrite.value,
            file_format=self.file_format.value,
            axes=self.axes.value.strip() or None,
            series=self.series_number,
            channels=parse_channels(self.channels.value),
        )

    def _suggest_target(self) -> None:
        """Follow the folder of images until the user chooses a folder."""
        if self.target.line_edit.value not in ("", self._suggested):
            return
        source = _path(self.source)
        self._suggested = ""
        if source is not None and source.name:
            self._suggested = str(source.with_name(f"{source.name}-labels"))
        self.target.line_edit.value = self._suggested

    def _show_fields(self) -> None:
        mode = self.mode.value
        for widget, its_mode in ((self.fit_on, "one_model"), (self.model, "saved")):
            show_row(self._layout, widget.native, mode == its_mode)
        for setting in self.settings.widgets.values():
            setting.enabled = mode != "saved"  # that model has settings of its own

    def _on_change(self, *_: Any) -> None:
        self.changed.emit()

    def _arrange(self) -> None:
        for box in (self.mode, self.file_format):
            keep_narrow(box.native)
        for edit, text in (
            (self.source.line_edit, "Folder of images"),
            (self.target.line_edit, "Beside the images"),
            (self.model.line_edit, "File of a model"),
            (self.pattern, "*"),
            (self.axes, "as in the files"),
            (self.channels, "all"),
            (self.scheduler, "this machine"),
        ):
            line: QLineEdit = edit.native
            line.setPlaceholderText(text)
        self.series.native.setDecimals(0)
        self.series.native.setSpecialValueText("largest")
        self.overwrite.native.setText("")
        self._layout = make_form_layout(
            [
                ("Images", "The folder of images.", self.source.native),
                (
                    "Labels",
                    "The folder for the labels, with a summary of the run, its "
                    "settings and its model. It is created if it does not exist.",
                    self.target.native,
                ),
                (
                    "Pattern",
                    "Files of the folder to segment, such as *.tif; **/*.tif also "
                    "searches the folders in it.",
                    self.pattern.native,
                ),
                (
                    "Model",
                    "One model for all gives the same classes in every image; so does "
                    "a saved one, without training. A model for each image suits "
                    "images of different kinds.",
                    self.mode.native,
                ),
                (
                    "Fit on",
                    "Number of images, spread over the folder, on which the one model "
                    "is fitted.",
                    self.fit_on.native,
                ),
                ("File", "The file of a saved model.", self.model.native),
                ("Write", "Format of the label files.", self.file_format.native),
                self.settings.row("n_labels"),
            ]
        )
        files = [
            (
                "Workers",
                "Processes that label images at the same time.",
                self.n_workers.native,
            ),
            (
                "Scheduler",
                "Address of a Dask scheduler, such as tcp://10.0.0.1:8786, whose "
                "workers see the same folders.",
                self.scheduler.native,
            ),
            (
                "Axes",
                "Axes of the files, such as ZYX, if the files do not name them.",
                self.axes.native,
            ),
            (
                "Series",
                "Number of the image, from 0, in files that hold several; largest "
                "takes the one with the largest pages. The table says what was taken.",
                self.series.native,
            ),
            (
                "Channels",
                "Numbers of the channels to use, from 0, such as 0,2. Without them all "
                "are, or those that a saved model was fitted on.",
                self.channels.native,
            ),
            (
                "Replace labels",
                "Replace existing label files in the next run.",
                self.overwrite.native,
            ),
            self.settings.row("stack"),
        ]
        self.more = Fold("More", {"Files": files, **self.settings.groups()})
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._layout)
        layout.addWidget(self.more)


def _path_edit(mode: FileDialogMode, pattern: str | None = None) -> FileEdit:
    edit = FileEdit(mode=mode, filter=pattern, nullable=True)
    edit.choose_btn.text = "…"
    edit.choose_btn.native.setFixedWidth(30)
    edit.native.layout().setSpacing(4)
    return edit


def _path(edit: FileEdit) -> Path | None:
    text = edit.line_edit.value.strip()
    if text.startswith("file:"):  # dropped from a file manager
        text = QUrl(text).toLocalFile()
    if not text:
        return None
    try:
        return Path(text).expanduser()
    except RuntimeError:  # no such user: the missing folder is reported later
        return Path(text)

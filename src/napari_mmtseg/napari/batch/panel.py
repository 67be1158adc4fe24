"""The Batch panel."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QApplication, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.batch.as_command import as_command
from napari_mmtseg.napari.batch.form import BatchForm
from napari_mmtseg.napari.batch.opener import BatchOpener
from napari_mmtseg.napari.batch.planner import PAUSE, Prospect, look
from napari_mmtseg.napari.batch.run_control import BatchControl, BatchJob
from napari_mmtseg.napari.batch.table import BatchTableView, status_colors
from napari_mmtseg.napari.runs.latest import LatestTask
from napari_mmtseg.napari.runs.progress import ProgressView, count
from napari_mmtseg.napari.runs.run import Failed, Refused, show_problem
from napari_mmtseg.napari.shared.panel import NarrowPanel
from napari_mmtseg.napari.shared.settings_form import SettingsFiles
from napari_mmtseg.napari.shared.wrapped_label import CopyableLabel, WrappedLabel

if TYPE_CHECKING:
    import napari


class BatchWidget(NarrowPanel):
    """Segment a folder of images.

    `hint` shows the number of images, or why Run is not possible; `details` the path of
    the selected image, or its error.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.form = BatchForm()
        self.table = BatchTableView()
        self.progress = ProgressView()
        self.hint, self.details = WrappedLabel(), CopyableLabel()
        self.files = SettingsFiles(self.form.settings)
        self._control = BatchControl(self.table.images, self.progress, self)
        self._planner = LatestTask(self, PAUSE)
        self._opener = BatchOpener(napari_viewer, self)
        self._prospect: Prospect | None = None
        self.run_button = QPushButton("Run")
        self.resume_button = QPushButton("Resume")
        self.cancel_button = QPushButton("Cancel")
        self.open_button = QPushButton()
        self.copy_button = QPushButton("Copy as command")
        self._arrange()
        self._connect()
        self._show_theme()
        self._look()
        self._refresh()

    @property
    def is_running(self) -> bool:
        """Whether a run is under way."""
        return self._control.is_running

    @property
    def is_looking(self) -> bool:
        """Whether the folder is being looked at."""
        return self._planner.is_busy

    def run(self) -> None:
        """Start a run with the values of the form; without effect during a run."""
        self._start(resume=False)

    def resume(self) -> None:
        """Resume the run whose labels are in the output folder."""
        self._start(resume=True)

    def cancel(self) -> None:
        """End the run, if there is one; whole label files stay."""
        self._control.cancel()

    def copy_as_command(self) -> None:
        """Copy the same run as a command line to the clipboard."""
        try:
            request = self.form.request()
        except InputError as error:
            show_warning(str(error))
            return
        if self._prospect is not None:
            request = replace(request, resume=self._prospect.can_resume)
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(as_command(request, self.form.address))
        show_info("The command is on the clipboard. Paste it into a terminal.")

    def open_selected(self) -> None:
        """Open the selected image and its labels as layers."""
        record = self.table.selected_record
        if record is not None:
            self._open(record)

    def _open(self, record: BatchRecord) -> None:
        axes = self.form.axes.value.strip() or None
        self._opener.open(record, axes, self.form.series_number)

    def _start(self, *, resume: bool) -> None:
        try:
            request = self.form.request()
        except InputError as error:
            show_warning(str(error))
            return
        self._planner.cancel()
        self.table.images.restart(resume=resume)
        self._control.start(
            BatchJob(replace(request, resume=resume), self.form.address)
        )
        # For one run only: the next one must not replace labels unasked.
        self.form.overwrite.value = False

    def _look(self) -> None:
        if self.is_running:
            return
        self._prospect = None
        try:
            request = self.form.request()
        except InputError as error:
            self._planner.cancel()
            self.hint.setText(str(error))
        else:
            self.hint.setText("Looking for images…")
            self._planner.request(partial(look, request))
        self._refresh()

    def _on_planned(self, outcome: Prospect | Refused | Failed) -> None:
        if isinstance(outcome, Prospect):
            self._prospect = outcome
            self.table.images.show_plan(outcome.records)
            self.hint.setText(outcome.reason or count(len(outcome.records), "image"))
        else:
            self.table.images.show_plan(())
            self.hint.setText(outcome.summary)
            if isinstance(outcome, Failed):
                show_problem(outcome)
        self._refresh()

    def _on_state(self) -> None:
        self._refresh()
        self._look()

    def _refresh(self) -> None:
        running, prospect = self.is_running, self._prospect
        can_resume = prospect is not None and prospect.can_resume
        self.form.setEnabled(not running)
        self.files.setEnabled(not running)
        self.hint.setVisible(not running)
        self.run_button.setVisible(not running)
        self.run_button.setEnabled(prospect is not None and not prospect.reason)
        self.resume_button.setVisible(can_resume and not running)
        self.cancel_button.setVisible(running)
        self._show_details()

    def _show_details(self) -> None:
        record = self.table.selected_record
        busy = self._opener.is_busy
        self.open_button.setEnabled(record is not None and not busy)
        self.open_button.setText("Opening…" if busy else "Open image and labels")
        text = ""
        if record is not None:
            path = str(record.item.image)
            text = record.error or path
            if path not in text:
                text = f"{path}: {text}"
        if text != self.details.text():
            self.details.setText(text)
        self.details.setVisible(bool(text))

    def _show_theme(self) -> None:
        self.table.images.show_colors(status_colors(self._viewer.theme))

    def _connect(self) -> None:
        self.run_button.clicked.connect(self.run)
        self.resume_button.clicked.connect(self.resume)
        self.cancel_button.clicked.connect(self._control.stop)
        self.open_button.clicked.connect(self.open_selected)
        self.copy_button.clicked.connect(self.copy_as_command)
        self.form.changed.connect(self._look)
        self.table.selection_changed.connect(self._show_details)
        self.table.visited.connect(self._open)
        self._planner.done.connect(self._on_planned)
        self._control.state_changed.connect(self._on_state)
        self._opener.state_changed.connect(self._show_details)
        self._viewer.events.theme.connect(self._show_theme)
        self.closed.connect(self._leave)

    def _leave(self) -> None:
        self._viewer.events.theme.disconnect(self._show_theme)
        self._planner.cancel()
        self._opener.forget()
        if self.is_running:
            show_info(
                "The batch was cancelled, as its panel was closed. Open it again to "
                "resume."
            )
        self._control.cancel()

    def _arrange(self) -> None:
        self.run_button.setToolTip("Label all images of the folder")
        self.resume_button.setToolTip(
            "Label the images that have no labels yet, with the model of that run"
        )
        self.cancel_button.setToolTip("End the run; labels that are done stay")
        self.open_button.setToolTip("Show the image of the selected row as layers")
        self.copy_button.setToolTip("Copy the same run as a command for a terminal")
        buttons = QHBoxLayout()
        for button in (self.run_button, self.resume_button, self.cancel_button):
            button.setMinimumHeight(30)
            buttons.addWidget(button)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.form)
        layout.addWidget(self.hint)
        layout.addLayout(buttons)
        layout.addWidget(self.progress)
        layout.addWidget(self.table, stretch=1)
        for widget in (self.details, self.open_button, self.copy_button, self.files):
            layout.addWidget(widget)
        self.show_content(content)

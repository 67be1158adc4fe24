"""The Segment panel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QApplication, QMessageBox, QPushButton

from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.runs.latest import LatestTask
from napari_mmtseg.napari.runs.preload import is_engine_loaded, load_engine
from napari_mmtseg.napari.runs.progress import ProgressView
from napari_mmtseg.napari.segment.apply import ModelActions
from napari_mmtseg.napari.segment.choices import ScribbleChoice
from napari_mmtseg.napari.segment.class_count_section import ClassCountSection
from napari_mmtseg.napari.segment.confidence import ConfidenceSection
from napari_mmtseg.napari.segment.kept_runs import KeptRuns
from napari_mmtseg.napari.segment.layout import arrange
from napari_mmtseg.napari.segment.paint_hints import PaintHints
from napari_mmtseg.napari.segment.run_control import RunControl
from napari_mmtseg.napari.segment.scribble_job import check_run, make_job
from napari_mmtseg.napari.segment.settings_actions import SettingsActions
from napari_mmtseg.napari.segment.source import (
    SourceChoice,
    describe_memory,
    describe_source,
)
from napari_mmtseg.napari.segment.value_range import ValueRangeButtons
from napari_mmtseg.napari.shared.panel import FieldPanel, warning_colour
from napari_mmtseg.napari.shared.settings_form import SettingsForm, show_row
from napari_mmtseg.napari.shared.wrapped_label import WrappedLabel
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    import napari

_LONG = 30
"""Seconds after which Escape asks before it cancels a run."""

_PAUSE = 500
"""Milliseconds from the opening of the panel until torch is loaded in a thread."""

_PAPER = (
    "The preset “paper” trains 1000 steps on every pixel of the image: about an hour "
    "for 480 x 320 pixels on two cores. “default” takes seconds. Begin?"
)


class SegmentWidget(FieldPanel):
    """Segment the chosen image without annotation.

    A magicgui container: the image, the area and every setting are fields by name, such
    as ``panel.image.value = layer`` and ``panel.n_labels.value = 3``, and
    ``panel.run()`` starts. `hint`, `memory` and `reason` show the chosen image, the
    memory that a run takes, and why it cannot start. Segment is visible between runs,
    Stop and Cancel during one.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        choice, form = SourceChoice(napari_viewer), SettingsForm()
        scribbles = ScribbleChoice(napari_viewer)
        where = [choice.axes, choice.slices, choice.area.field, choice.area.label]
        fields = [choice.layer, *where, scribbles.field, *form.widgets.values()]
        super().__init__(fields)
        choice.area.fill_row()
        scribbles.fill_row()
        self._viewer = napari_viewer
        self.choice, self.form = choice, form
        self.scribble_choice = scribbles
        self.progress = ProgressView()
        self.paint_hints = PaintHints(
            napari_viewer,
            self.choice.whole,
            self.scribble_choice,
            self.run,
            lambda: self.is_running,
        )
        self.settings_actions = SettingsActions(
            self.form, self.choice.source, self.scribble_choice
        )
        self.value_range = ValueRangeButtons(self.form, self.choice)
        self._control = RunControl(napari_viewer, self.progress, self.scroll)
        self.model_actions = ModelActions(
            napari_viewer, self.choice.source, self._control.start
        )
        self.class_count_section = ClassCountSection(napari_viewer)
        self.confidence_section = ConfidenceSection(
            napari_viewer, lambda: self.class_count_section.layer, self._control.start
        )
        self.kept_runs = KeptRuns(napari_viewer, self._control.start)
        self.run_button = QPushButton("Se&gment")
        self.stop_button = QPushButton("Stop and &keep")
        self.cancel_button = QPushButton("&Cancel")
        self.edit_button = QPushButton("E&dit labels…")
        self.hint = WrappedLabel()
        self.memory = WrappedLabel()
        self.reason = WrappedLabel()
        self._started = 0.0
        self._loading = LatestTask(self.scroll, _PAUSE)
        content, self.form_layout, self.more = arrange(self)
        self.show_content(content)
        self._connect()
        self._refresh()
        self.kept_runs.look()

    @property
    def is_running(self) -> bool:
        """Whether a run is under way."""
        return self._control.is_running

    def run(self) -> None:
        """Start a run with what the panel shows; without effect during another."""
        try:
            source, settings = self.choice.source(), self.form.settings()
        except InputError:
            self._refresh()
            return
        try:
            job = make_job(source, settings, self.scribble_choice, self._viewer)
        except InputError as error:
            show_warning(str(error))
            return
        self._control.start(job)

    def cancel(self) -> None:
        """End the run, if there is one, and leave everything as it was."""
        self._control.cancel()

    def _connect(self) -> None:
        self.run_button.clicked.connect(self._run_if_sure)
        self.stop_button.clicked.connect(self._control.stop_and_keep)
        self.cancel_button.clicked.connect(self._control.cancel)
        self.edit_button.clicked.connect(self._open_editing)
        self.choice.changed.connect(self._refresh)
        self.choice.changed.connect(self.kept_runs.refresh)
        self.form.changed.connect(self._refresh)
        self._control.state_changed.connect(self._on_state)
        self._control.finished.connect(self.class_count_section.take)
        self._control.finished.connect(self.scribble_choice.refresh)
        self._control.finished.connect(self.kept_runs.finished)
        self._control.failed.connect(self.kept_runs.look)
        self._control.finished.connect(self.paint_hints.finished)
        self._control.state_changed.connect(self.paint_hints.on_state)
        self._control.measured.connect(self.confidence_section.show_measured)
        self.class_count_section.looked.connect(self._on_looked)
        self.scroll.opened.connect(self._load_engine)
        self.scroll.returned.connect(self._on_return)
        self.scroll.escaped.connect(self._on_escape)
        self.scroll.closed.connect(self._on_closed)

    def _run_if_sure(self) -> None:
        """Start a run, after a question if it takes an hour."""
        if self.form.widgets["preset"].value != "paper" or self._agrees(_PAPER):
            self.run()

    def _agrees(self, question: str) -> bool:
        answer = QMessageBox.question(self.native, "Segment", question)
        return bool(answer == QMessageBox.StandardButton.Yes)

    def _load_engine(self) -> None:
        """Load what the first run needs while the user chooses."""
        if not is_engine_loaded():
            self._loading.request(lambda _: load_engine())

    def _on_return(self) -> None:
        focus = QApplication.focusWidget()
        if isinstance(focus, QPushButton):
            focus.click()
        elif not self.is_running and self.run_button.isEnabled():
            self._run_if_sure()

    def _on_escape(self) -> None:
        if not self.is_running:
            return
        is_long = time.monotonic() - self._started > _LONG
        if not is_long or self._agrees("Cancel the run? Its labels are lost."):
            self.cancel()

    def _on_closed(self) -> None:
        if self.is_running:
            show_info("The run was cancelled, as its panel was closed.")
            self.cancel()
        self.confidence_section.tour.forget()

    def _on_state(self) -> None:
        running = self.is_running
        was_here = self.native.isAncestorOf(QApplication.focusWidget())
        self._refresh()
        if running:
            self._started = time.monotonic()
        if was_here:  # the button that had the focus is gone
            (self.stop_button if running else self.run_button).setFocus()

    def _on_looked(self) -> None:
        self.confidence_section.refresh()
        is_there = self.class_count_section.layer is not None
        self.edit_button.setVisible(is_there and hasattr(self._viewer, "window"))

    def _open_editing(self) -> None:
        self._viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")

    def _refresh(self) -> None:
        running = self._control.is_running
        reason = ""
        try:
            self._describe(self.choice.source(), self.form.settings())
        except InputError as error:
            reason = str(error)
        if reason:
            self.hint.setText("")
            self.memory.setText("")
        for label in (self.hint, self.memory):
            label.setVisible(bool(label.text()))
        show_row(self.form_layout, self.choice.axes.native, self.choice.has_more_axes)
        show_row(self.form_layout, self.choice.slices.native, self.choice.has_slices)
        channels = self.choice.channels
        show_row(self.form_layout, channels.widget, channels.has_choice)
        stack = self.form.widgets["stack"].native
        show_row(self.form_layout, stack, self.choice.takes_all)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason) and not running)
        self.run_button.setEnabled(not reason)
        self.run_button.setVisible(not running)
        self.stop_button.setVisible(running)
        self.cancel_button.setVisible(running)
        self.model_actions.setEnabled(not running)
        self.kept_runs.setEnabled(not running)
        self.confidence_section.setEnabled(not running)
        self._on_looked()

    def _describe(self, source: LayerSelection, settings: SegmentationSettings) -> None:
        """Describe the chosen image and the memory; refuse what cannot be segmented."""
        check_run(source, settings)
        is_guessed = self.choice.guesses(source)
        text = describe_source(source, settings.stack, is_guessed=is_guessed)
        self.hint.setText(text)
        text, is_warning = describe_memory(source, settings)
        self.memory.setText(text)
        colour = f"color: {warning_colour(self._viewer)}" if is_warning else ""
        self.memory.setStyleSheet(colour)
        self.scribble_choice.show_slices(source)

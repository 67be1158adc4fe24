"""The Segment panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.runs.progress import ProgressView
from napari_mmtseg.napari.segment.apply import ModelActions
from napari_mmtseg.napari.segment.choices import ScribbleChoice
from napari_mmtseg.napari.segment.class_count_section import ClassCountSection
from napari_mmtseg.napari.segment.confidence import ConfidenceSection
from napari_mmtseg.napari.segment.run_control import RunControl
from napari_mmtseg.napari.segment.scribble_job import check_run, make_job
from napari_mmtseg.napari.segment.settings_actions import SettingsActions
from napari_mmtseg.napari.segment.source import (
    SourceChoice,
    describe_memory,
    describe_source,
)
from napari_mmtseg.napari.shared.panel import NarrowPanel, warning_colour
from napari_mmtseg.napari.shared.settings_form import (
    SettingsForm,
    collapsible_form,
    make_form_layout,
    show_row,
)
from napari_mmtseg.napari.shared.wrapped_label import WrappedLabel
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    import napari


class SegmentWidget(NarrowPanel):
    """Segment the chosen image without annotation.

    `hint`, `memory` and `reason` show the chosen image, the memory that a run takes,
    and why it cannot start. Run is visible between runs, Stop and Cancel during one.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.choice = SourceChoice(napari_viewer)
        self.scribbles = ScribbleChoice(napari_viewer)
        self.form = SettingsForm()
        self.progress = ProgressView()
        self.settings_actions = SettingsActions(
            self.form, self.choice.source, self.scribbles
        )
        self._control = RunControl(napari_viewer, self.progress, self)
        self.model_actions = ModelActions(
            napari_viewer, self.choice.source, self._control.start
        )
        self.class_count_section = ClassCountSection(napari_viewer)
        self.confidence_section = ConfidenceSection(
            napari_viewer, lambda: self.class_count_section.layer, self._control.start
        )
        self.run_button = QPushButton("Run")
        self.stop_button = QPushButton("Stop and keep")
        self.cancel_button = QPushButton("Cancel")
        self.hint = WrappedLabel()
        self.memory = WrappedLabel()
        self.reason = WrappedLabel()
        self.advanced = collapsible_form("Advanced", self.form.fields(advanced=True))
        self._arrange()
        self.run_button.setToolTip("Segment the chosen image")
        self.stop_button.setToolTip(
            "End the training now and keep its labels; while slices are labelled, keep "
            "those that are done"
        )
        self.cancel_button.setToolTip("End the run and leave everything as it was")
        self.run_button.clicked.connect(self.run)
        self.stop_button.clicked.connect(self._control.stop_and_keep)
        self.cancel_button.clicked.connect(self._control.cancel)
        self.choice.changed.connect(self._refresh)
        self.form.changed.connect(self._refresh)
        self._control.state_changed.connect(self._refresh)
        self._control.finished.connect(self.class_count_section.take)
        self._control.finished.connect(self.scribbles.refresh)
        self._control.measured.connect(self.confidence_section.show_measured)
        self.class_count_section.looked.connect(self.confidence_section.refresh)
        self.closed.connect(self._control.cancel)
        self.closed.connect(self.confidence_section.tour.forget)
        self._refresh()

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
            job = make_job(source, settings, self.scribbles, self._viewer)
        except InputError as error:
            show_warning(str(error))
            return
        self._control.start(job)

    def cancel(self) -> None:
        """End the run, if there is one, and leave everything as it was."""
        self._control.cancel()

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
        show_row(self.form_layout, self.choice.slices, self.choice.has_slices)
        stack = self.form.widgets["stack"].native
        show_row(self.form_layout, stack, self.choice.takes_all)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason) and not running)
        self.run_button.setEnabled(not reason)
        self.run_button.setVisible(not running)
        self.stop_button.setVisible(running)
        self.cancel_button.setVisible(running)
        self.model_actions.setEnabled(not running)
        self.confidence_section.setEnabled(not running)
        self.confidence_section.refresh()

    def _describe(self, source: LayerSelection, settings: SegmentationSettings) -> None:
        """Describe the chosen image and the memory; refuse what cannot be segmented."""
        check_run(source, settings)
        self.hint.setText(describe_source(source, settings.stack))
        text, is_warning = describe_memory(source, settings)
        self.memory.setText(text)
        colour = f"color: {warning_colour(self._viewer)}" if is_warning else ""
        self.memory.setStyleSheet(colour)
        self.scribbles.show_slices(source)

    def _arrange(self) -> None:
        tooltips = {
            "Image": "The Image layer to segment; follows the active layer.",
            "Axes": "What the axes of the image are. Y and X are segmented, C or RGB "
            "are channels; all others are slices.",
            "Slices": "Segment all slices of the image, or the one that the viewer "
            "shows.",
        }
        region_tip = (
            "Segment all of the image, what the viewer shows of it, or what a shape "
            "encloses: of a Shapes layer the selected one, or the first"
        )
        scribbles_tip = (
            "Painted labels that the run learns from: strokes of every class in a "
            "Labels layer, or what you have edited in a result."
        )
        image_rows = [
            (title, text, widget)
            for (title, text), widget in zip(
                tooltips.items(),
                (self.choice.layer.native, self.choice.axes, self.choice.slices),
                strict=True,
            )
        ]
        image_rows += [
            self.form.row("stack"),
            ("Region", region_tip, self.choice.crop.box),
            ("Scribbles", scribbles_tip, self.scribbles.row),
        ]
        self.form_layout = make_form_layout(
            image_rows + self.form.fields(advanced=False, without=("stack",))
        )
        self.form_layout.insertRow(len(image_rows) - 1, self.hint)
        buttons = QHBoxLayout()
        for button in (self.run_button, self.stop_button, self.cancel_button):
            buttons.addWidget(button)
        self.run_button.setMinimumHeight(30)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(self.form_layout)
        layout.addWidget(self.memory)
        layout.addWidget(self.reason)
        layout.addLayout(buttons)
        layout.addWidget(self.progress)
        layout.addWidget(self.class_count_section)
        layout.addWidget(self.confidence_section)
        layout.addWidget(self.model_actions)
        layout.addWidget(self.advanced)
        layout.addWidget(self.settings_actions)
        layout.addStretch()
        self.show_content(content)

"""Layout of the Segment panel: one page, and one fold for all else."""

from __future__ import annotations

from typing import Protocol

from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_mmtseg.napari.runs.progress import ProgressView
from napari_mmtseg.napari.segment.apply import ModelActions
from napari_mmtseg.napari.segment.choices import ScribbleChoice
from napari_mmtseg.napari.segment.class_count_section import ClassCountSection
from napari_mmtseg.napari.segment.confidence import ConfidenceSection
from napari_mmtseg.napari.segment.kept_runs import KeptRuns
from napari_mmtseg.napari.segment.paint_hints import PaintHints
from napari_mmtseg.napari.segment.settings_actions import SettingsActions
from napari_mmtseg.napari.segment.source import SourceChoice
from napari_mmtseg.napari.segment.value_range import ValueRangeButtons
from napari_mmtseg.napari.shared.settings_form import (
    Fold,
    SettingsForm,
    make_form_layout,
)
from napari_mmtseg.napari.shared.wrapped_label import WrappedLabel

_TIPS = {
    "image": "The Image layer to segment; follows the active layer.",
    "axes": "What the axes of the image are. Y and X are segmented, C or RGB are "
    "channels; all others are slices.",
    "slices": "Segment all slices of the image, or the one that the viewer shows.",
    "channels": "Layers that are segmented together, or the channels to take.",
    "area": "Segment all of the image, what the viewer shows of it, or what shapes or "
    "painted labels cover.",
    "scribbles": "Painted labels that the run learns from: strokes of every class in a "
    "Labels layer, or what you have edited in a result.",
}


class Parts(Protocol):
    """The parts of the panel that are laid out here."""

    choice: SourceChoice
    form: SettingsForm
    scribble_choice: ScribbleChoice
    paint_hints: PaintHints
    hint: WrappedLabel
    memory: WrappedLabel
    reason: WrappedLabel
    kept_runs: KeptRuns
    run_button: QPushButton
    stop_button: QPushButton
    cancel_button: QPushButton
    edit_button: QPushButton
    progress: ProgressView
    class_count_section: ClassCountSection
    confidence_section: ConfidenceSection
    model_actions: ModelActions
    settings_actions: SettingsActions
    value_range: ValueRangeButtons


def arrange(panel: Parts) -> tuple[QWidget, QFormLayout, Fold]:
    """Return the content of the panel, its form on the first page, and its fold."""
    choice, form = panel.choice, panel.form
    page = make_form_layout(
        [
            ("&Image", _TIPS["image"], choice.layer.native),
            ("&Axes", _TIPS["axes"], choice.axes.native),
            ("Slic&es", _TIPS["slices"], choice.slices.native),
            ("Cha&nnels", _TIPS["channels"], choice.channels.widget),
            form.row("stack"),
            form.row("n_labels"),
        ]
    )
    page.insertRow(page.rowCount() - 1, panel.hint)
    groups = {
        "Where and from what": [
            ("Area", _TIPS["area"], choice.area.row),
            ("Scribbles", _TIPS["scribbles"], panel.scribble_choice.row),
            ("", "", panel.paint_hints),
        ],
        **form.groups(),
    }
    groups["Colour and light"].append(("", "", panel.value_range))
    more = Fold("More", groups)
    more.add(panel.model_actions)
    more.add(panel.settings_actions)
    buttons = QHBoxLayout()
    for button, tip in (
        (panel.run_button, "Segment the chosen image (Return)"),
        (
            panel.stop_button,
            "End the training now and keep its labels; while slices are labelled, keep "
            "those that are done",
        ),
        (panel.cancel_button, "End the run and leave everything as it was (Escape)"),
    ):
        button.setToolTip(tip)
        button.setMinimumHeight(30)
        buttons.addWidget(button)
    panel.edit_button.setToolTip("Merge, split, clean up and name classes")
    content = QWidget()
    layout = QVBoxLayout(content)
    layout.setContentsMargins(6, 6, 6, 6)
    layout.addWidget(panel.kept_runs)
    layout.addLayout(page)
    layout.addWidget(panel.memory)
    layout.addWidget(panel.reason)
    layout.addLayout(buttons)
    for widget in (
        panel.progress,
        panel.class_count_section,
        panel.confidence_section,
        panel.edit_button,
        more,
    ):
        layout.addWidget(widget)
    layout.addStretch()
    return content, page, more

"""How far a run is: bar, text and curve."""

from __future__ import annotations

import time

from qtpy.QtWidgets import QLabel, QProgressBar, QVBoxLayout, QWidget

from napari_mmtseg._widgets.label_count_curve import LabelCountCurve
from napari_mmtseg._widgets.slice_clock import SliceClock, count, duration
from napari_mmtseg.progress import SegmentationStep

__all__ = ["ProgressView"]


class ProgressView(QWidget):
    """Bar, text and curve of the run, or what there is to say without one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.curve = LabelCountCurve()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.bar, self.text, self.curve):
            layout.addWidget(widget)
        for widget in (self.bar, self.text, self.curve):
            widget.hide()
        self._clock: tuple[int, float] | None = None
        self._slices = SliceClock()
        self._curve = (-1, 0)

    def say(self, text: str) -> None:
        """Show a text without a run."""
        self.bar.hide()
        self.text.setText(text)
        self.text.setVisible(bool(text))

    def start(self, n_steps: int, text: str) -> None:
        """Show an empty bar for a new run."""
        self._clock = None
        self._slices = SliceClock()
        self.bar.setRange(0, n_steps)
        self.bar.setValue(0)
        self.bar.show()
        self.curve.hide()
        self._curve = (-1, 0)
        self.text.setText(text)
        self.text.show()

    def show_step(self, step: SegmentationStep, done: int) -> None:
        """Show a step, and how much of all is done with it."""
        self.bar.setValue(done)
        training = step.phase != "prediction"
        curve = step.n_done, step.n_steps  # each slice has one
        if training and curve != self._curve:
            self._curve = curve
            self._clock = None
            self.curve.clear(step.n_steps)
        if step.n_labels and (training or not step.n_done):
            self.curve.add(step.step, step.n_labels)
            self.curve.show()
        self.text.setText(self._describe(step))

    def _describe(self, step: SegmentationStep) -> str:
        predicting = step.phase == "prediction"
        if (step.n_slices > 1 and (step.n_done or predicting)) or step.fraction:
            return self._slices.describe(step)
        text = f"{step.phase.capitalize()}…"
        if not step.step:
            return text
        text = f"{step.phase.capitalize()}: step {step.step} of {step.n_steps}"
        if step.n_labels:
            text += f", {count(step.n_labels, 'label')}"
        now = time.monotonic()
        if self._clock is None:
            self._clock = step.step, now
        first, then = self._clock
        if step.phase != "prediction" and step.step >= first + 3:
            left = (now - then) / (step.step - first) * (step.n_steps - step.step)
            text += f", at most {duration(left)} left"
        return text

"""How far a run is: bar, text and curve."""

from __future__ import annotations

import time

from qtpy.QtWidgets import QLabel, QProgressBar, QVBoxLayout, QWidget

from napari_mmtseg._widgets.label_count_curve import LabelCountCurve
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

    def say(self, text: str) -> None:
        """Show a text without a run."""
        self.bar.hide()
        self.text.setText(text)
        self.text.setVisible(bool(text))

    def start(self, n_steps: int, text: str) -> None:
        """Show an empty bar for a new run."""
        self._clock = None
        self.bar.setRange(0, n_steps)
        self.bar.setValue(0)
        self.bar.show()
        self.curve.clear(n_steps)
        self.curve.hide()
        self.text.setText(text)
        self.text.show()

    def show_step(self, step: SegmentationStep) -> None:
        """Show a step."""
        self.bar.setRange(0, step.n_steps)
        self.bar.setValue(step.step)
        if step.n_labels:
            self.curve.add(step.step, step.n_labels)
            self.curve.show()
        self.text.setText(self._describe(step))

    def _describe(self, step: SegmentationStep) -> str:
        text = f"{step.phase.capitalize()}…"
        if not step.step:
            return text
        text = f"{step.phase.capitalize()}: step {step.step} of {step.n_steps}"
        if step.n_labels:
            text += f", {_count(step.n_labels, 'label')}"
        now = time.monotonic()
        if self._clock is None:
            self._clock = step.step, now
        first, then = self._clock
        if step.phase != "prediction" and step.step >= first + 3:
            left = (now - then) / (step.step - first) * (step.n_steps - step.step)
            text += f", at most {_duration(left)} left"
        return text


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" + "s" * (n != 1)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"

"""How far a run is: bar, text and curve."""

from __future__ import annotations

import time

from qtpy.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from napari_mmtseg._widgets.label_count_curve import LabelCountCurve
from napari_mmtseg._widgets.slice_clock import SliceClock, count, duration
from napari_mmtseg._widgets.wrapped_label import WrappedLabel
from napari_mmtseg.progress import SegmentationStep

__all__ = ["ProgressView"]


class ProgressView(QWidget):
    """Bar, text and curve of the run, or what there is to say without one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.text = WrappedLabel()
        self.curve = LabelCountCurve()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.bar, self.text, self.curve):
            layout.addWidget(widget)
        for widget in (self.bar, self.text, self.curve):
            widget.hide()
        self._clock: tuple[int, float] | None = None
        self._phase = ""
        self._slices = SliceClock()
        self._curve = (-1, 0)

    def say(self, text: str) -> None:
        """Show a text without a run."""
        self.bar.hide()
        if self._curve[0] > 0:  # of the last of several slices, which is not the result
            self.curve.hide()
        self.text.setText(text)
        self.text.setVisible(bool(text))

    def start(self, n_steps: int, text: str, noun: str = "slice") -> None:
        """Show an empty bar for a new run; of a stack, `noun` is what is counted."""
        self._clock, self._phase = None, ""
        self._slices = SliceClock(noun)
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

    def show_count(self, phase: str, n_done: int, n: int, noun: str) -> None:
        """Show how many of several things are done.

        Parameters
        ----------
        phase : str
            What is being done; a new one starts the estimate of the time left anew.
        n_done, n : int
            How many are done, and how many there are.
        noun : str
            What they are, one of them.
        """
        if phase != self._phase:
            self._phase, self._clock = phase, None
            self.curve.hide()
        self.bar.setRange(0, n)
        self.bar.setValue(n_done)
        left = self._time_left(n_done, n, at_least=1)
        text = f"{phase.capitalize()}: {n_done:,} of {count(n, noun)}"
        self.text.setText(f"{text}, about {left} left" if left else text)

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
        left = self._time_left(step.step, step.n_steps, at_least=3)
        if step.phase != "prediction" and left:
            text += f", at most {left} left"
        return text

    def _time_left(self, n_done: int, n: int, *, at_least: int) -> str:
        """Return the time that the rest takes at this speed; empty until it is known.

        The first that is done starts the clock: what came before it is not done again.
        """
        now = time.monotonic()
        if self._clock is None:
            self._clock = n_done, now
        first, then = self._clock
        if n_done < first + at_least:
            return ""
        return duration((now - then) / (n_done - first) * (n - n_done))

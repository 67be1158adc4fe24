"""Progress of a run: bar, text and curve."""

from __future__ import annotations

import time
from collections.abc import Callable

from napari.utils import cancelable_progress
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from qtpy.QtGui import QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from napari_mmtseg.napari.shared.wrapped_label import WrappedLabel
from napari_mmtseg.progress import SegmentationStep


class ProgressView(QWidget):
    """Bar, text and curve of a run, or a text without a run."""

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
            widget.hide()
        self._clock: tuple[int, float] | None = None
        self._phase = ""
        self._slices = SliceClock()
        self._curve = (-1, 0)

    def say(self, text: str) -> None:
        """Show a text without a run."""
        self.bar.hide()
        self.curve.hide()  # it ends before classes merge: not with what is shown
        self.text.setText(text)
        self.text.setVisible(bool(text))

    def start(self, n_steps: int, text: str, noun: str = "slice") -> None:
        """Show an empty bar for a new run; `noun` names one part of a stack."""
        self._clock, self._phase = None, ""
        self._slices = SliceClock(noun)
        self.bar.setRange(0, n_steps)
        self.bar.setValue(0)
        self.bar.show()
        self.curve.hide()
        self._curve = (-1, 0)
        self.text.setText(text)
        self.text.show()

    @property
    def is_in_sight(self) -> bool:
        """Whether some of it is on the screen, not in a closed or covered panel."""
        return not self.visibleRegion().isEmpty()

    def show_step(self, step: SegmentationStep, done: int) -> None:
        """Show a step; `done` steps of all are done with it."""
        # One repaint for all of it: a bar draws itself at once, and with it Qt composes
        # the whole window, canvas included.
        self.setUpdatesEnabled(False)
        try:
            self._show_step(step, done)
        finally:
            self.setUpdatesEnabled(True)

    def _show_step(self, step: SegmentationStep, done: int) -> None:
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
        """Show that `n_done` of `n` things are done, each of them a `noun`.

        A new phase starts a new estimate of the time left.
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
        if not step.step:
            return f"{step.phase.capitalize()}…"
        phase = "Labelling" if predicting else "Training"
        text = f"{phase}: step {step.step} of {step.n_steps}"
        if step.n_labels:
            text += f", {count(step.n_labels, 'class')}"
        left = self._time_left(step.step, step.n_steps, at_least=3)
        if left and not predicting:
            text += f", at most {left} left"
        return text

    def _time_left(self, n_done: int, n: int, *, at_least: int) -> str:
        """Return the time that the rest takes at this speed; empty until it is known.

        The first one done starts the clock, as the work before it is not repeated.
        """
        now = time.monotonic()
        if self._clock is None:
            self._clock = n_done, now
        first, then = self._clock
        if n_done < first + at_least:
            return ""
        return duration((now - then) / (n_done - first) * (n - n_done))


_INTERVAL = 500
"""Milliseconds between updates."""


class ActivityBar:
    """A bar in napari's activity dock, with a Cancel button that calls `cancel`.

    It is there while `view` is out of sight. As long as there is one, napari turns a
    wheel beside the word "activity" 30 times a second, and each time Qt composes the
    whole window: without a graphics card that took as long as the run itself.

    Every update of such a bar runs Qt's event loop, so anything may happen during it,
    the end of the run included. It therefore moves by a timer of its own, never inside
    a signal of the run, whose sender might be gone when the signal returns.
    """

    def __init__(self, view: ProgressView, cancel: Callable[[], None]) -> None:
        self._view = view
        self._cancel = cancel
        self._text, self._n_steps, self._step = "", 0, 0
        self._run = 0
        self._bar: cancelable_progress | None = None
        self._timer = QTimer(view)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_INTERVAL)
        self._timer.timeout.connect(self._update)

    def start(self, n_steps: int, text: str) -> None:
        """Show a new bar; it appears with the first update out of sight of the view."""
        self.stop()
        self._text, self._n_steps, self._step = text, n_steps, 0
        self._timer.start()

    def show_step(self, step: int) -> None:
        """Move the bar, with the next update."""
        self._step = step

    def stop(self) -> None:
        """Remove the bar."""
        self._run += 1
        self._timer.stop()
        self._close()

    def _close(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()

    def _update(self) -> None:
        if self._view.is_in_sight:
            self._close()
            self._timer.start()
            return
        run, bar = self._run, self._bar
        if bar is None:
            bar = cancelable_progress(total=self._n_steps, desc=self._text)
            if run != self._run:
                bar.close()
                return
            self._bar = bar
        bar.update(self._step - bar.n)
        if run != self._run:
            return
        if bar.is_canceled:
            self._cancel()
        else:
            self._timer.start()


_MARGIN = 4.0


class LabelCountCurve(QWidget):
    """Curve of the number of classes after each step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("Number of classes after each step")
        self._counts: dict[int, int] = {}
        self._n_steps = 1

    def sizeHint(self) -> QSize:
        """Return a strip of a few lines of text."""
        return QSize(120, 3 * self.fontMetrics().height())

    @property
    def counts(self) -> dict[int, int]:
        """Number of classes by step."""
        return dict(self._counts)

    def clear(self, n_steps: int) -> None:
        """Start an empty curve over `n_steps` steps."""
        self._counts, self._n_steps = {}, max(n_steps, 1)
        self.update()

    def add(self, step: int, n_labels: int) -> None:
        """Add the number of classes after a step."""
        self._counts[step] = n_labels
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the curve in the colours of the theme."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        faint = self.palette().color(QPalette.ColorRole.WindowText)
        faint.setAlpha(70)
        metrics = self.fontMetrics()
        most = max(self._counts.values(), default=1)
        left = metrics.horizontalAdvance(str(most)) + 2 * _MARGIN
        last = next(reversed(self._counts.values()), 0)
        right = self.width() - metrics.horizontalAdvance("000") - 2 * _MARGIN
        top, bottom = metrics.height() / 2, self.height() - metrics.height() / 2
        painter.setPen(QPen(faint, 1))
        painter.drawLine(QPointF(left, bottom), QPointF(right, bottom))
        if not self._counts:
            return

        def place(step: int, count: int) -> QPointF:
            return QPointF(
                left + (right - left) * step / self._n_steps,
                bottom - (bottom - top) * count / most,
            )

        points = [place(step, count) for step, count in sorted(self._counts.items())]
        painter.setPen(faint)
        for count, y in ((most, top), (0, bottom)):
            painter.drawText(
                QRectF(0, y - metrics.height() / 2, left - _MARGIN, metrics.height()),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                str(count),
            )
        painter.setPen(QPen(text, 1.5))
        painter.drawPolyline(QPolygonF(points))
        painter.drawText(points[-1] + QPointF(_MARGIN, metrics.ascent() / 2), str(last))


_FEW = 5
"""Below this rate, in slices per second, a decimal counts."""


class SliceClock:
    """Speed of a run in slices, or another noun, per second."""

    def __init__(self, noun: str = "slice") -> None:
        self._noun = noun
        self._first: tuple[float, float] | None = None

    def describe(self, step: SegmentationStep) -> str:
        """Return the slice or the share of a large image, the rate, the time left."""
        now = time.monotonic()
        done = step.fraction * step.n_slices or step.n_done
        if done >= step.n_slices:
            return "All is found; writing the labels…"
        if step.n_slices == 1:
            text = f"Labelling: {step.fraction:.0%}"
        else:
            text = f"{self._noun.capitalize()} {step.n_done + 1} of {step.n_slices}"
        if step.phase != "prediction":
            text += ", training"
        if self._first is None:
            self._first = done, now
        first, then = self._first
        if done > first and now > then:
            rate = (done - first) / (now - then)
            per_second = f"{rate:.{rate < _FEW:d}f}"
            if float(per_second) and step.n_slices > 1:
                text += f", {per_second} {self._noun}s per second"
            text += f", {duration((step.n_slices - done) / rate)} left"
        return text


def count(n: int, noun: str) -> str:
    """Return a number and a noun, such as "2 images"."""
    return f"{n:,} {noun}" + ("es" if noun.endswith("s") else "s") * (n != 1)


def duration(seconds: float) -> str:
    """Return a time in words, at least one second."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"

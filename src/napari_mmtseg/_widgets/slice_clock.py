"""How far the slices or volumes of a stack are, in words."""

from __future__ import annotations

import time

from napari_mmtseg.progress import SegmentationStep

__all__ = ["SliceClock", "count", "duration"]

_FEW = 5
"""Below this rate, in slices per second, a decimal counts."""


class SliceClock:
    """Measures how many slices are done in a second.

    Parameters
    ----------
    noun : str
        What is counted, one of them: "slice" or "volume".
    """

    def __init__(self, noun: str = "slice") -> None:
        self._noun = noun
        self._first: tuple[float, float] | None = None

    def describe(self, step: SegmentationStep) -> str:
        """Return which of them it is, the rate and the time that is left.

        Of a large image, how much of it is done.
        """
        now = time.monotonic()
        done = step.fraction * step.n_slices or step.n_done
        if done >= step.n_slices:
            return "All is found; writing the labels…"
        if step.n_slices == 1:
            text = f"Prediction: {step.fraction:.0%}"
        else:
            text = f"{self._noun.capitalize()} {step.n_done + 1} of {step.n_slices}"
        if step.phase != "prediction":
            text += f", {step.phase}"
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
    """Return a number of things in words."""
    return f"{n:,} {noun}" + "s" * (n != 1)


def duration(seconds: float) -> str:
    """Return a time in words, never 0."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"

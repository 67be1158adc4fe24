"""Progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from napari_mmtseg.cli.interruption import interruption
from napari_mmtseg.progress import drain, relay

if TYPE_CHECKING:
    from napari_mmtseg.progress import SegmentationStep
    from napari_mmtseg.segmentation.result import SegmentationResult

_Step = TypeVar("_Step")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Report:
    """Progress of a command; `done` and `total` are 0 if steps are not counted."""

    phase: str
    done: int = 0
    total: int = 0
    detail: str = ""


def follow(
    steps: Generator[_Step, Any, _Result],
    describe: Callable[[_Step], Report],
    *,
    quiet: bool,
    needs_torch: bool = True,
) -> _Result:
    """Run a generator to its end, show its progress and return its value.

    Ctrl+C closes the generator, then raises KeyboardInterrupt.
    """
    display = _display(quiet)

    def show(step: _Step) -> tuple[()]:
        display.update(describe(step))
        interruption.check()
        return ()

    with closing(steps), closing(display):
        if needs_torch:
            display.update(Report("loading PyTorch"))
            with interruption.deferred():
                import napari_mmtseg.engine.model.fitted  # noqa: F401
        result = drain(relay(steps, show))
        interruption.check()
        return result


def _display(quiet: bool) -> _Display:
    if quiet:
        return _Display()
    return _Bar() if sys.stderr.isatty() else _Lines()


class _Display:
    """Shows nothing; subclasses show the first, the last and some reports between."""

    interval = float("inf")

    def __init__(self) -> None:
        self._last_time = -float("inf")
        self._waiting: Report | None = None

    def update(self, report: Report) -> None:
        self._waiting = report
        now = time.monotonic()
        if now - self._last_time >= self.interval:
            self._last_time = now
            self._flush()

    def close(self) -> None:
        self._flush()

    def _flush(self) -> None:
        if self._waiting is not None:
            self.show(self._waiting)
            self._waiting = None

    def show(self, report: Report) -> None:
        pass


class _Lines(_Display):
    interval = 1.0

    def show(self, report: Report) -> None:
        words = report.phase
        if report.total:
            words += f": {report.done} of {report.total}"
        if report.detail:
            words += f", {report.detail}"
        print(words, file=sys.stderr, flush=True)


class _Bar(_Display):
    interval = 0.1
    _format = (
        "{desc}: {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} "
        "[{elapsed}<{remaining}{postfix}]"
    )

    def __init__(self) -> None:
        from tqdm import tqdm

        super().__init__()
        # By its own measure tqdm hides the bar if the terminal has no size, as in logs
        # made with `script`.
        self._bar = tqdm(
            desc="starting",
            file=sys.stderr,
            leave=False,
            ncols=_terminal_width(),
            nrows=24,
            bar_format=self._format,
        )

    def show(self, report: Report) -> None:
        self._bar.ncols = _terminal_width()
        self._bar.total = report.total or None
        self._bar.n = report.done
        self._bar.set_description_str(report.phase, refresh=False)
        self._bar.set_postfix_str(report.detail, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.close()


def _terminal_width() -> int:
    return os.get_terminal_size(sys.stderr.fileno()).columns or 80


def percent(phase: str) -> Callable[[float], Report]:
    """Return a function that reports which fraction of a phase is done."""
    return lambda fraction: Report(phase, round(100 * fraction), 100)


def run_report(step: SegmentationStep) -> Report:
    """Report how far a segmentation is."""
    details = []
    if step.n_labels:
        details.append(count(step.n_labels, "label"))
    if not math.isnan(step.similarity_loss):
        details.append(f"loss {step.similarity_loss:.3f}")
    if step.phase == "prediction" and step.n_slices > 1:
        return Report("slices", step.n_done, step.n_slices, ", ".join(details))
    return Report(step.phase, step.step, step.n_steps, ", ".join(details))


def run_line(result: SegmentationResult) -> str:
    """Return a line on how a segmentation went."""
    line = (
        f"{count(result.n_steps, 'step')} in {result.seconds:.1f} s on {result.device} "
        f"({result.precision}): {result.stop_reason}"
    )
    return f"{line}. {result.notes}" if result.notes else line


def count(n: int, noun: str) -> str:
    """Return a number with its noun in singular or plural."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{n} {noun}{plural * (n != 1)}"

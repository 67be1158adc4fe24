"""Progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from napari_mmtseg.cli.interruption import interruption

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_mmtseg.segmentation.result import SegmentationResult

__all__ = ["Report", "count", "follow", "labels_line", "run_line"]

_Step = TypeVar("_Step")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Report:
    """How far the work is.

    Attributes
    ----------
    phase : str
        What is being done.
    done, total : int
        Finished and all steps; 0 where they do not count.
    detail : str
        What else there is to say.
    """

    phase: str
    done: int = 0
    total: int = 0
    detail: str = ""


def follow(
    steps: Generator[_Step, Any, _Result],
    describe: Callable[[_Step], Report],
    *,
    quiet: bool,
) -> _Result:
    """Run a generator to its end, show its progress and return its value.

    Parameters
    ----------
    steps : generator
        The work.
    describe : callable
        Makes a report of what the generator yields.
    quiet : bool
        Show nothing.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl+C; the generator is closed first.
    """
    listener = _listener(quiet)
    with closing(steps), closing(listener):
        listener.hear(Report("loading PyTorch"))
        with interruption.deferred():
            # The engine comes with the first name that lives in it.
            from napari_mmtseg.engine.model.fitted import load_model  # noqa: F401
        while True:
            interruption.check()
            try:
                step = next(steps)
            except StopIteration as end:
                interruption.check()
                result: _Result = end.value
                return result
            listener.hear(describe(step))


def _listener(quiet: bool) -> _Listener:
    if quiet:
        return _Listener()
    return _Bar() if sys.stderr.isatty() else _Lines()


class _Listener:
    """Shows nothing; those who do show the first, the last and some reports between."""

    interval = float("inf")

    def __init__(self) -> None:
        self._last_time = -float("inf")
        self._waiting: Report | None = None

    def hear(self, report: Report) -> None:
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


class _Lines(_Listener):
    interval = 1.0

    def show(self, report: Report) -> None:
        words = report.phase
        if report.total:
            words += f": {report.done} of {report.total}"
        if report.detail:
            words += f", {report.detail}"
        print(words, file=sys.stderr, flush=True)


class _Bar(_Listener):
    interval = 0.1
    _format = (
        "{desc}: {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} "
        "[{elapsed}<{remaining}{postfix}]"
    )

    def __init__(self) -> None:
        from tqdm import tqdm

        super().__init__()
        # Its own look at the terminal hides the bar where that has no size, as in logs
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


def labels_line(path: Path, labels: NDArray[np.int32], output: str) -> str:
    """Say what a label file holds.

    Parameters
    ----------
    path : Path
        The file.
    labels : (..., Y, X) ndarray of int32
        What it holds.
    output : {"classes", "regions"}
        What a label stands for.
    """
    # Not before there is a result: --help has to be quick.
    import numpy as np

    from napari_mmtseg.labels.regions import count_values

    n_labels = int(np.count_nonzero(count_values(labels, 1)[1:]))
    *stacked, height, width = labels.shape
    size = f"{width} x {height} pixels"
    if stacked:
        size = f"{' x '.join(map(str, stacked))} slices of {size}"
    noun = "region" if output == "regions" else "class"
    return f"{path}: {count(n_labels, noun)}, {size}"


def run_line(result: SegmentationResult) -> str:
    """Say how a segmentation went."""
    return (
        f"{count(result.n_steps, 'step')} in {result.seconds:.1f} s on {result.device} "
        f"({result.precision}): {result.stop_reason}"
    )


def count(n: int, noun: str) -> str:
    """Return a number with its noun in singular or plural."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{n} {noun}{plural * (n != 1)}"

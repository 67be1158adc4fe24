"""Seeded random use of the three panels: nothing may go wrong, nothing may stay behind.

``python tools/display.py python -m benchmarks.monkey --seeds 10 --actions 500`` opens
windows of napari and does random things in them: every widget of the panels, every
operation on layers, runs that begin and are cancelled, panels and windows that close
in the middle. It counts exceptions in all threads, messages of Qt and errors of napari,
then what is left of layers, panels, threads and event handlers, and settings of the
process that are not as they were. ``--runs 50`` repeats one run and prints the memory.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gc
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QThreadPool
from qtpy.QtWidgets import QApplication

import napari
from benchmarks.host_state import changed, complaints, host_state, memory
from benchmarks.window_actions import QUICK, Hands, answer_dialogs, close_popups

_HANGS = 240
"""Seconds that one action may take before the process ends with all its stacks."""

_LASTING = ("pack labels", "Dummy")
"""Names of threads that stay: one packs undo steps, the others are kept by Qt."""

_KEPT_BY_NOBODY = ("SegmentWidget", "EditWidget", "BatchWidget", "LayerResult")


@dataclass
class Outcome:
    """What a seed has brought.

    `of_napari` are exceptions in napari and Qt without a line of ours in their trace.
    """

    seed: int
    complaints: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    of_napari: list[str] = field(default_factory=list)
    last_actions: list[str] = field(default_factory=list)
    longest: float = 0.0

    @property
    def is_well(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.complaints or self.left or self.changed)


def play(
    seed: int, n_actions: int, *, is_verbose: bool = False, has_panels: bool = True
) -> Outcome:
    """Do random things in a window, close it, and return what came of it."""
    outcome = Outcome(seed)
    rng = np.random.default_rng(seed)
    use_napari_alone()
    before, threads = host_state(), set(threading.enumerate())
    # A word that is typed as a folder, such as 1e9, is one of this folder.
    with (
        tempfile.TemporaryDirectory() as name,
        contextlib.chdir(name),
        complaints() as found,
    ):
        folder = Path(name)
        end = answer_dialogs(rng, folder)
        hands = Hands(rng, folder, has_panels=has_panels)
        try:
            for _ in range(n_actions):
                faulthandler.dump_traceback_later(_HANGS, exit=True)
                start = time.monotonic()
                try:
                    hands.act()
                except Exception:
                    found.append(f"in an action: {traceback.format_exc()}")
                close_popups()
                if is_verbose:
                    print(hands.log[-1], flush=True)
                outcome.longest = max(outcome.longest, time.monotonic() - start)
                if any(is_ours(complaint) for complaint in found):
                    break
        finally:
            faulthandler.cancel_dump_traceback_later()
            outcome.last_actions = hands.log[-15:]
            hands.close()
            end()
        del hands
        wait_for_threads()
        outcome.left = leftovers(threads)
        outcome.complaints = [c for c in found if is_ours(c)]
        outcome.of_napari = [c for c in found if not is_ours(c)]
    outcome.changed = changed(before)
    return outcome


def use_napari_alone() -> None:
    """Show layers without us: the first Labels layer changes PyTorch's threads.

    scikit-learn sets a variable of the environment when it is imported.
    """
    import_module("sklearn")
    viewer = napari.Viewer()
    viewer.add_image(np.eye(9))
    viewer.add_labels(np.eye(9, dtype=np.int32))
    wait_for_threads()
    viewer.close()
    wait_for_threads()


def is_ours(complaint: str) -> bool:
    """Return whether an exception came through our code; all else is ours, too."""
    return "Traceback" not in complaint or "/napari_mmtseg/" in complaint


def wait_for_threads(seconds: float = 60) -> None:
    """Wait until no thread of Qt works, and let Qt delete what is to be deleted."""
    pool = QThreadPool.globalInstance()
    end = time.monotonic() + seconds
    while pool.activeThreadCount() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    for _ in range(5):
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()


def leftovers(threads_before: set[threading.Thread]) -> list[str]:
    """Return what our code keeps alive, or running, when all windows are closed."""
    left = []
    if n := QThreadPool.globalInstance().activeThreadCount():
        left.append(f"{n} threads of Qt at work")
    left += [
        f"the thread {thread!r}"
        for thread in set(threading.enumerate()) - threads_before
        if not thread.name.startswith(_LASTING)
    ]
    for thing in gc.get_objects():
        kind = type(thing)
        ours = str(kind.__module__).startswith("napari_mmtseg.napari.")
        if ours and kind.__name__ in _KEPT_BY_NOBODY:
            left.append(f"a {kind.__name__}")
    return left


def flat_memory(n_runs: int, say: Callable[[str], None] = print) -> dict[int, float]:
    """Segment the same tiny image again and again; return the memory by run, in MB."""
    viewer = napari.Viewer()
    image = np.random.default_rng(0).integers(0, 8, (64, 64)).astype(np.uint8)
    image[16:48, 16:48] += 120
    viewer.add_image(image)
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    for name, value in QUICK.items():
        panel.form.widgets[name].value = value
    found = {}
    results: list[Any] = []
    for run in range(1, n_runs + 1):
        panel.run()
        while panel.is_running:
            QApplication.processEvents()
            time.sleep(0.001)
        results.append(weakref.ref(viewer.layers.pop()))
        wait_for_threads()
        if run in (1, 10, 20, 30, 40, n_runs):
            found[run] = memory()
            n_alive = sum(layer() is not None for layer in results)
            say(
                f"after run {run:3}: {found[run]:.0f} MB, {n_alive} removed layers left"
            )
    viewer.close()
    return found


def main() -> int:
    """Play all seeds and print a line for each; return 1 if one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--actions", type=int, default=500)
    parser.add_argument(
        "--runs", type=int, help="only measure memory over so many runs"
    )
    parser.add_argument(
        "--napari-alone", action="store_true", help="leave the panels out"
    )
    parser.add_argument("--verbose", action="store_true", help="print every action")
    arguments = parser.parse_args()
    faulthandler.enable()
    application = QApplication.instance() or QApplication(sys.argv[:1])
    application.setQuitOnLastWindowClosed(False)
    if arguments.runs:
        flat_memory(arguments.runs)
        return 0
    if arguments.seeds > 1:
        return _each_in_a_process(arguments)
    start = time.monotonic()
    seed = arguments.first
    outcome = play(
        seed,
        arguments.actions,
        is_verbose=arguments.verbose,
        has_panels=not arguments.napari_alone,
    )
    print(
        f"seed {seed}: {arguments.actions} actions in "
        f"{time.monotonic() - start:.0f} s, exceptions and messages "
        f"{len(outcome.complaints)} (of napari alone {len(outcome.of_napari)}), "
        f"left behind {len(outcome.left)}, changed {len(outcome.changed)}, "
        f"longest action {outcome.longest:.1f} s, {memory():.0f} MB",
        flush=True,
    )
    if not outcome.is_well:
        print("  after: " + "\n         ".join(outcome.last_actions))
    for line in (*outcome.complaints, *outcome.left, *outcome.changed):
        print(f"  {line}", flush=True)
    for line in outcome.of_napari if arguments.verbose else ():
        print(f"  of napari alone: {line}", flush=True)
    return not outcome.is_well


def _each_in_a_process(arguments: argparse.Namespace) -> int:
    """Play every seed in a process of its own; return 1 if one went wrong."""
    codes = {}
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        words = [f"--first={seed}", "--seeds=1", f"--actions={arguments.actions}"]
        words += ["--verbose"] * arguments.verbose
        words += ["--napari-alone"] * arguments.napari_alone
        command = [sys.executable, "-m", "benchmarks.monkey", *words]
        codes[seed] = subprocess.run(command, check=False).returncode
        if codes[seed] not in (0, 1):
            print(f"seed {seed}: the process ended with {codes[seed]}", flush=True)
    print(f"{sum(not code for code in codes.values())} of {len(codes)} seeds went well")
    return int(any(codes.values()))


if __name__ == "__main__":
    sys.exit(main())

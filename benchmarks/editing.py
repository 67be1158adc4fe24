"""What an edit costs: how long the window stands still, in all, and in the history.

``python tools/display.py python -m benchmarks.editing`` opens the Edit labels panel in
a real viewer and presses its buttons, on labels of six classes with some thousand
regions. A timer of 1 ms ticks in the window's thread; the longest gap between ticks is
what a user would feel, of the operation and of the table that follows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

import napari
from benchmarks.tables import markdown_table
from benchmarks.window import Heartbeat, wait, wait_seconds

N_CLASSES = 6
CASES = {"2048 x 2048": (2048, 2048), "50 x 512 x 512": (50, 512, 512)}
SELECTED = {
    "merge": [2, 4],
    "swap": [1, 3],
    "background": [5],
    "relabel": [],
    "split": [3],
    "remove_islands": [],
    "fill_holes": [],
    "smooth": [],
}


def example_labels(shape: tuple[int, ...]) -> np.ndarray:
    """Return labels 0 to 5 with boundaries at several scales."""
    rng = np.random.default_rng(0)
    coarse = ndimage.gaussian_filter(rng.random(shape, np.float32), shape[-1] / 64)
    fine = ndimage.gaussian_filter(rng.random(shape, np.float32), 1.5)
    field = coarse / coarse.std() + 0.5 * fine / fine.std()
    edges = np.quantile(field.ravel()[::101], np.linspace(0, 1, N_CLASSES + 1)[1:-1])
    return np.digitize(field, edges).astype(np.int32)


def history_bytes(layer: Any) -> int:
    """Return the bytes that the last step of the undo history takes."""
    parts: dict[int, int] = {}
    for _, *sides in layer._undo_history[-1]:
        for side in sides:
            packed = getattr(side, "labels", side)
            codes = getattr(packed, "codes", None)
            if codes is None:
                parts[id(packed)] = np.asarray(packed).nbytes
            else:  # both sides of a step may share them
                parts[id(codes)] = len(codes)
    return sum(parts.values())


def measured(
    heartbeat: Heartbeat, panel: Any, act: Callable[[], Any]
) -> tuple[float, float]:
    """Return the longest gap and the time until `act` and the table are through."""
    wait(lambda: not panel.is_busy)
    wait_seconds(0.3)
    heartbeat.restart()
    start = time.perf_counter()
    act()
    wait(lambda: not panel.session.runner.is_busy and not panel.preview.is_busy)
    took = time.perf_counter() - start
    wait(lambda: not panel.is_busy)
    wait_seconds(0.3)
    return max(heartbeat.gaps), took


def pixel_row(layer: Any, panel: Any, heartbeat: Heartbeat, name: str) -> list[str]:
    """Measure one pixel painted and undone: what napari itself takes."""
    pixel = tuple(np.array([n // 2]) for n in layer.data.shape)
    gap, took = measured(heartbeat, panel, lambda: layer.data_setitem(pixel, 9))
    undo_gap, _ = measured(heartbeat, panel, layer.undo)
    gaps = [f"{1000 * gap:.0f} ms", f"{1000 * undo_gap:.0f} ms", ""]
    return [name, "one pixel, by napari", "", *gaps, f"{took:.2f} s", ""]


def rows(viewer: Any, panel: Any, heartbeat: Heartbeat, name: str) -> list[list[str]]:
    """Measure every operation, its undo and its preview."""
    labels = example_labels(CASES[name])
    layer = viewer.add_labels(labels.copy(), name=name)
    if labels.ndim == 3:
        panel.target.all_button.click()
        viewer.dims.set_current_step(0, labels.shape[0] // 2)
    wait_seconds(1)
    table = [pixel_row(layer, panel, heartbeat, name)]
    for operation, values in SELECTED.items():
        wait(lambda: not panel.is_busy)
        if operation == "relabel":
            layer.data[layer.data == 5] = 9
            layer.refresh()
            wait_seconds(0.5)
            wait(lambda: not panel.is_busy)
        panel.table.select_values(values)
        before = layer.data.copy()
        press = panel.buttons[operation].click
        panel.buttons["preview"].setChecked(True)
        preview_gap, _ = measured(heartbeat, panel, press)
        panel.buttons["preview"].setChecked(False)
        gap, took = measured(heartbeat, panel, press)
        changed = np.count_nonzero(layer.data != before) / before.size
        n_bytes = history_bytes(layer)
        undo_gap, _ = measured(heartbeat, panel, panel.buttons["undo"].click)
        assert np.array_equal(layer.data, before)
        if operation == "relabel":
            layer.data[layer.data == 9] = 5
            layer.refresh()
        table.append(
            [
                name,
                panel.buttons[operation].text(),
                f"{100 * changed:.1f} %",
                f"{1000 * gap:.0f} ms",
                f"{1000 * undo_gap:.0f} ms",
                f"{1000 * preview_gap:.0f} ms",
                f"{took:.2f} s",
                f"{n_bytes / 2**20:.2f} MiB",
            ]
        )
    viewer.layers.remove(layer)
    return table


def main(argv: Sequence[str] | None = None) -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=CASES, help="one size")
    arguments = parser.parse_args(argv)
    viewer = napari.Viewer()
    viewer.window.resize(1300, 800)
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")
    heartbeat = Heartbeat()
    # Loads what the first layer, table and overlay need.
    layer = viewer.add_labels(np.eye(64, dtype=np.int32))
    wait_seconds(2)
    panel.buttons["preview"].setChecked(True)
    panel.buttons["relabel"].click()
    panel.buttons["smooth"].click()
    wait(lambda: not panel.is_busy)
    panel.buttons["preview"].setChecked(False)
    viewer.layers.remove(layer)
    heartbeat.restart()
    wait_seconds(1)
    print(f"nothing going on: {heartbeat.summary()}")
    table = []
    for name in [arguments.only] if arguments.only else CASES:
        table += rows(viewer, panel, heartbeat, name)
    header = ["labels", "operation", "pixels changed", "window still", "at undo"]
    header += ["at preview", "in all", "history"]
    print(markdown_table(header, table))
    viewer.close()
    # Last: it loads torch, which the panel does not need.
    import torch

    from benchmarks.machine import describe_machine

    print(describe_machine(torch.device("cpu")))


if __name__ == "__main__":
    main()

"""How long another number of classes takes, and how much history it leaves.

``python tools/display.py python -m benchmarks.shaping`` segments an image in a real
viewer, moves the slider through numbers of classes and switches to connected regions
and back. Counted is the time from the move to the changed layer, drawing apart, the
longest time that the window stood still, and what the undo history keeps.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from skimage import data

import napari
from benchmarks.machine import describe_machine
from benchmarks.tables import markdown_table
from benchmarks.window import Heartbeat, wait, wait_seconds

KINDS = ("classes", "classes, edited by hand", "connected regions")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", default="1024,2048", help="of the image, in pixels")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rows = []
    for side in map(int, arguments.sides.split(",")):
        rows += measure(side, arguments.rounds)
    header = ["image", "shows", "changes", "median ms", "longest ms"]
    print(markdown_table([*header, "window still ms", "history kB each"], rows))
    import torch

    print(describe_machine(torch.device("cpu")))


def measure(side: int, rounds: int) -> list[list[object]]:
    """Return a row for every kind of change."""
    viewer = napari.Viewer()
    viewer.window.resize(1300, 800)
    image = data.immunohistochemistry()[..., 2]
    copies = -(-side // len(image))
    # Mirrored, so that the copies join without an edge.
    whole = np.pad(image, [(0, (copies - 1) * len(image))] * 2, "symmetric")
    viewer.add_image(np.ascontiguousarray(whole[:side, :side]))
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    panel.form.widgets["merging"].value = "classes"
    wait_seconds(2)
    panel.run_button.click()
    wait(lambda: not panel.is_running)
    wait_seconds(1)
    section, layer = panel.class_count_section, viewer.layers[-1]
    heartbeat = Heartbeat()
    history: list[list[tuple[object, ...]]] = []
    layer.events.paint.connect(lambda event: history.append(event.value))
    rows = []
    for kind in KINDS:
        if "edited" in kind:
            layer.brush_size = 80
            for place in range(100, side, 200):
                layer.paint((place, place), 5)
        if "regions" in kind:
            section.output.setCurrentIndex(1)
            section.output.activated.emit(1)
            wait(lambda: not section.runner.is_busy)
        finest = section.slider.slider.maximum()
        numbers = [k for k in (2, 3, 5, 8, 12, finest) if k <= finest] * rounds
        wait_seconds(0.5)
        times = []
        history.clear()
        heartbeat.restart()
        for k in numbers:
            if k == section.slider.slider.value():
                continue
            start = time.perf_counter()
            section.slider.slider.setValue(k)
            wait(lambda: not section.runner.is_busy)
            times.append(1000 * (time.perf_counter() - start))
            wait_seconds(0.4)
        still = 1000 * max(heartbeat.gaps)
        size = f"{side} x {side}"
        figures = [np.median(times), max(times), still]
        kept = np.mean([_bytes(item) for item in history]) / 1000
        rows.append([size, kind, len(times), *(round(f) for f in figures), round(kept)])
    viewer.close()
    return rows


def _bytes(item: list[tuple[object, ...]]) -> int:
    """Bytes of an entry of the history; both sides share their codes."""
    return sum(
        max(getattr(values, "nbytes", 0) for values in atom[1:]) for atom in item
    )


if __name__ == "__main__":
    main()

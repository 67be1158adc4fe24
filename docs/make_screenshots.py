"""Make the pictures of the documentation: a real window, a real run.

``python tools/display.py python docs/make_screenshots.py [FOLDER]``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import napari
from qtpy.QtWidgets import QApplication

SIZE = 1280, 760
N_LABELS = 3


def wait(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Run the event loop until the condition holds; fail if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        QApplication.processEvents()
        time.sleep(0.005)  # the run needs Python's lock as well
        if time.monotonic() > end:
            sys.exit("The window did not get there in time.")


def wait_seconds(seconds: float) -> None:
    """Run the event loop for a while."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() >= end)


def main() -> None:
    """Write ``running.png``, ``segment.png``, ``editing.png`` and ``stack.png``."""
    folder = (
        Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    )
    folder.mkdir(exist_ok=True)
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE)
    (image,) = viewer.open_sample("napari-mmtseg", "immunohistochemistry")
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    panel.form.widgets["n_labels"].value = N_LABELS

    def shoot(name: str) -> None:
        QApplication.processEvents()
        path = folder / f"{name}.png"
        viewer.window.screenshot(str(path), canvas_only=False, flash=False)
        print(path)

    def start() -> None:
        viewer.layers.selection.active = image
        wait_seconds(1)
        panel.run_button.click()

    start()
    wait(lambda: not panel.is_running)  # loads torch: the next run is as fast as usual
    viewer.layers.remove(viewer.layers[-1])
    start()
    wait(lambda: len(panel.progress.curve.counts) > 24 or not panel.is_running)
    shoot("running")
    wait(lambda: not panel.is_running)
    labels = viewer.layers[-1]
    labels.opacity = 0.5
    wait_seconds(1)
    shoot("segment")
    viewer.window.remove_dock_widget(panel)
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")
    wait_seconds(1)
    wait(lambda: not panel.is_busy)
    classes = panel.table.classes
    for row, name in enumerate(("DAB", "nuclei", "stroma")):
        classes.setData(classes.index(row, classes.NAME), name)
    panel.table.select_values([2], last=2)
    panel.buttons["preview"].click()
    panel.buttons["remove_islands"].click()
    wait(lambda: not panel.is_busy)
    wait_seconds(1)
    shoot("editing")
    viewer.window.remove_dock_widget(panel)
    viewer.layers.clear()
    viewer.open_sample("napari-mmtseg", "focus_series")
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    wait_seconds(1)
    panel.run_button.click()
    text = panel.progress.text
    wait(lambda: "Slice 6" in text.text() or not panel.is_running)
    shoot("stack")
    panel.cancel()
    wait_seconds(1)
    viewer.close()


if __name__ == "__main__":
    main()

"""Make the pictures of the documentation: a real window, a real run.

``python tools/display.py python docs/make_screenshots.py [FOLDER]``
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from qtpy.QtWidgets import QApplication

import napari

SIZE = 1280, 760
N_LABELS = 3
FIELD = 128


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
    """Write all pictures of the panels."""
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
    curve = panel.progress.curve
    wait(lambda: curve.isVisible() or not panel.is_running)
    wait(lambda: len(viewer.layers) > 1 or not panel.is_running)
    wait(lambda: len(curve.counts) > 5 or not panel.is_running)
    shoot("running")
    wait(lambda: not panel.is_running)
    wait_seconds(1)
    shoot("segment")
    viewer.window.remove_dock_widget(panel.native)
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
    viewer.window.remove_dock_widget(panel.native)
    with tempfile.TemporaryDirectory() as scratch:
        run_batch(viewer, image.data, Path(scratch) / "plate 7")
        shoot("batch")
        viewer.close()


def run_batch(viewer: napari.Viewer, image: np.ndarray, source: Path) -> None:
    """Label a folder with parts of an image, and one file that is none, and open one.

    Parameters
    ----------
    viewer : napari.Viewer
        Becomes empty first.
    image : (Y, X, 3) ndarray of uint8
        The image.
    source : Path
        The folder, which is made.
    """
    viewer.layers.clear()
    source.mkdir()
    for y in range(0, image.shape[0], FIELD):
        for x in range(0, image.shape[1], FIELD):
            name = f"well {'ABCD'[y // FIELD]}{x // FIELD + 1:02d}.png"
            iio.imwrite(source / name, image[y : y + FIELD, x : x + FIELD])
    (source / "well B03.png").write_bytes(b"no image")
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Batch")
    panel.form.settings.widgets["n_labels"].value = N_LABELS
    panel.form.source.value = source
    wait_seconds(1)
    wait(lambda: not panel.is_looking)
    panel.run_button.click()
    wait(lambda: not panel.is_running)
    wait_seconds(1)
    panel.table.selectRow(5)
    panel.open_button.click()
    wait(lambda: len(viewer.layers) == 2)
    panel.table.selectRow(6)
    wait_seconds(1)


if __name__ == "__main__":
    main()

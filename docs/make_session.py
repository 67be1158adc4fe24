"""Play a whole session in a real window and leave its pictures for the documentation.

``python tools/display.py python docs/make_session.py [FOLDER]``

First the two clicks from an open image to its labels, for three samples: the panel from
the menu, and Segment; seconds are printed. Then one sample is segmented, shaped,
edited, undone, taught by painted hints and saved. What each step promises is checked on
the way.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from make_screenshots import SIZE, wait, wait_seconds
from qtpy.QtWidgets import QApplication, QFileDialog

import napari
import napari_mmtseg as mm
from napari_mmtseg.files.read import read_image

SAMPLES = ("coins", "hematoxylin", "immunohistochemistry")

STROKES = {  # class: (y, x) from and to
    1: [((100, 100), (150, 120)), ((380, 310), (390, 350)), ((150, 430), (200, 440))],
    2: [((270, 245), (285, 285)), ((360, 175), (400, 185)), ((300, 330), (330, 345))],
    3: [((60, 312), (90, 326)), ((130, 348), (165, 362))],
}


def shoot(viewer: napari.Viewer, path: Path) -> None:
    """Write a picture of the window."""
    wait_seconds(1)
    QApplication.processEvents()
    picture = viewer.window.screenshot(canvas_only=False, flash=False)
    iio.imwrite(path, picture[..., :3], quality=85)
    print(path)


def two_clicks(name: str, folder: Path) -> None:
    """Go from an open sample to its labels, and write ``clicks_NAME.jpg``."""
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE)
    (image,) = viewer.open_sample("napari-mmtseg", name)
    wait_seconds(1)
    start = time.monotonic()
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    QApplication.processEvents()
    assert panel.image.value == image
    panel.run_button.click()
    wait(lambda: not panel.is_running)
    seconds = time.monotonic() - start
    (labels,) = (la for la in viewer.layers if isinstance(la, napari.layers.Labels))
    assert labels.editable
    found = panel.progress.text.text()
    print(f"{name}: 2 clicks, {seconds:.1f} s. {found}")
    shoot(viewer, folder / f"clicks_{name}.jpg")
    viewer.close()


def main() -> None:
    """Write ``clicks_*.jpg``, and ``session_1.jpg`` to ``session_6.jpg``."""
    here = Path(__file__).parent
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "images"
    folder.mkdir(exist_ok=True)
    for name in SAMPLES:
        two_clicks(name, folder)
    session(folder)


def session(folder: Path) -> None:
    """Play the session of one sample."""
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE)
    (image,) = viewer.open_sample("napari-mmtseg", "immunohistochemistry")
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")

    def picture(number: int) -> None:
        shoot(viewer, folder / f"session_{number}.jpg")

    def run(button: object) -> None:
        wait_seconds(0.5)
        button.click()
        wait(lambda: not panel.is_running)
        wait_seconds(1)

    # Segment.
    run(panel.run_button)
    labels = viewer.layers["immunohistochemistry labels"]
    assert labels.opacity <= 0.5
    picture(1)

    # Four classes, by the slider.
    section = panel.class_count_section
    section.slider.slider.setValue(4)
    wait(lambda: not section.is_busy)
    assert len(np.unique(labels.data)) == 4
    four = labels.data.copy()
    picture(2)

    # Merge two of them, remove islands, undo both.
    viewer.window.remove_dock_widget(panel.native)
    _, editing = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")
    wait_seconds(1)
    wait(lambda: not editing.is_busy)
    classes = [int(v) for v in np.unique(labels.data)]
    editing.table.select_values(classes[:2])
    editing.buttons["merge"].click()
    wait(lambda: not editing.is_busy)
    assert len(np.unique(labels.data)) == 3
    editing.buttons["remove_islands"].click()
    wait(lambda: not editing.is_busy)
    cleaned = labels.data.copy()
    picture(3)
    editing.buttons["undo"].click()
    editing.buttons["undo"].click()
    wait(lambda: not editing.is_busy)
    assert np.array_equal(labels.data, four)
    assert not np.array_equal(cleaned, four)
    viewer.window.remove_dock_widget(editing)

    # Paint strokes and run again with them.
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    viewer.layers.selection.active = image
    labels.visible = False
    panel.more.title.setChecked(True)
    wait_seconds(1)
    panel.paint_hints.button.click()
    strokes = viewer.layers.selection.active
    assert strokes.mode == "paint"
    strokes.brush_size = 5
    for value, lines in STROKES.items():
        for start, end in lines:
            for share in np.linspace(0, 1, 60):
                at = np.add(start, share * np.subtract(end, start))
                strokes.paint(at, value, refresh=False)
    strokes.refresh()
    assert panel.scribbles.value == strokes.name
    picture(4)
    panel.more.title.setChecked(False)
    labels.visible = True
    run(panel.run_button)
    taught = viewer.layers["immunohistochemistry labels [1]"]
    assert taught.visible
    assert not labels.visible  # the image is seen through one result
    painted = strokes.data > 0
    assert np.array_equal(taught.data[painted], strokes.data[painted])
    picture(5)

    # Where to look, and save.
    viewer.layers.selection.active = taught
    strokes.visible = False
    run(panel.confidence_section.worst_button)
    picture(6)
    run(panel.confidence_section.show_button)
    assert panel.image.value == image  # what the plugin made is no input
    viewer.layers.remove("immunohistochemistry labels [1] confidence")
    with tempfile.TemporaryDirectory() as place:
        model, file = Path(place) / "tissue.safetensors", Path(place) / "labels.tif"
        QFileDialog.getSaveFileName = lambda *_: (str(model), "")
        panel.model_actions.save(taught)
        assert np.array_equal(
            np.unique(mm.load_model(model).predict(image.data)), np.unique(taught.data)
        )
        viewer.window.remove_dock_widget(panel.native)
        _, editing = viewer.window.add_plugin_dock_widget(
            "napari-mmtseg", "Edit labels"
        )
        wait(lambda: not editing.is_busy)
        QFileDialog.getSaveFileName = lambda *_: (str(file), "")
        editing.buttons["save_labels"].click()
        wait(file.exists)
        wait_seconds(0.5)
        assert np.array_equal(read_image(file).array, taught.data)
    viewer.close()


if __name__ == "__main__":
    main()

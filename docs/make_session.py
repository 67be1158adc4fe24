"""Play a whole session in a real window and leave its pictures for the documentation.

``python tools/display.py python docs/make_session.py [FOLDER]``

A sample is opened and segmented, shaped to three classes, edited, undone, taught by
strokes and saved. What each step promises is checked on the way.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from make_screenshots import SIZE, wait, wait_seconds
from qtpy.QtWidgets import QApplication, QFileDialog

import napari
import napari_mmtseg as mm
from napari_mmtseg.files.read import read_image

STROKES = {  # class: (y, x) from and to
    1: [((100, 100), (150, 120)), ((380, 310), (390, 350)), ((150, 430), (200, 440))],
    2: [((270, 245), (285, 285)), ((360, 175), (400, 185)), ((300, 330), (330, 345))],
    3: [((60, 312), (90, 326)), ((130, 348), (165, 362))],
}


def main() -> None:
    """Write ``session_1.jpg`` to ``session_6.jpg``."""
    here = Path(__file__).parent
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "images"
    folder.mkdir(exist_ok=True)
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE)
    (image,) = viewer.open_sample("napari-mmtseg", "immunohistochemistry")
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")

    def shoot(number: int) -> None:
        wait_seconds(1)
        QApplication.processEvents()
        path = folder / f"session_{number}.jpg"
        picture = viewer.window.screenshot(canvas_only=False, flash=False)
        iio.imwrite(path, picture[..., :3], quality=85)
        print(path)

    def run(button: object) -> None:
        wait_seconds(0.5)
        button.click()
        wait(lambda: not panel.is_running)
        wait_seconds(1)

    # Segment.
    run(panel.run_button)
    labels = viewer.layers["immunohistochemistry labels"]
    labels.opacity = 0.6
    shoot(1)

    # Classes of pixels instead of regions, and three of them, by the slider.
    section = panel.class_count_section
    assert section.merging.currentText() == "of regions"
    section.merging.setCurrentIndex(0)
    section.merging.activated.emit(0)
    wait(lambda: not section.is_busy)
    section.slider.slider.setValue(3)
    wait(lambda: not section.is_busy)
    assert len(np.unique(labels.data)) == 3
    three = labels.data.copy()
    shoot(2)

    # Merge two of them, remove islands, undo both.
    viewer.window.remove_dock_widget(panel.native)
    _, editing = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")
    wait_seconds(1)
    wait(lambda: not editing.is_busy)
    classes = [int(v) for v in np.unique(labels.data)]
    editing.table.select_values(classes[:2])
    editing.buttons["merge"].click()
    wait(lambda: not editing.is_busy)
    assert len(np.unique(labels.data)) == 2
    editing.buttons["remove_islands"].click()
    wait(lambda: not editing.is_busy)
    cleaned = labels.data.copy()
    shoot(3)
    editing.buttons["undo"].click()
    editing.buttons["undo"].click()
    wait(lambda: not editing.is_busy)
    assert np.array_equal(labels.data, three)
    assert not np.array_equal(cleaned, three)
    viewer.window.remove_dock_widget(editing)

    # Paint strokes and run again with them.
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    labels.visible = False
    strokes = viewer.add_labels(np.zeros(three.shape, np.int32), name="strokes")
    strokes.brush_size = 5
    strokes.mode = "paint"
    for value, lines in STROKES.items():
        for start, end in lines:
            for share in np.linspace(0, 1, 60):
                at = np.add(start, share * np.subtract(end, start))
                strokes.paint(at, value, refresh=False)
    strokes.refresh()
    viewer.layers.selection.active = image
    panel.scribble_choice.choose(strokes)
    viewer.layers.selection.active = strokes
    panel.choice.layer.value = image
    shoot(4)
    run(panel.run_button)
    taught = viewer.layers["immunohistochemistry labels [1]"]
    taught.opacity = 0.6
    painted = strokes.data > 0
    assert np.array_equal(taught.data[painted], strokes.data[painted])
    shoot(5)

    # Where to look, and save.
    viewer.layers.selection.active = taught
    strokes.visible = False
    run(panel.confidence_section.worst_button)
    shoot(6)
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

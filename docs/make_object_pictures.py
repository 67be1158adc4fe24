"""Make the pictures of the page on objects: a real window, real coins.

``python tools/display.py python docs/make_object_pictures.py [FOLDER]``
"""

from __future__ import annotations

import sys
from pathlib import Path

from make_screenshots import SIZE, wait, wait_seconds
from qtpy.QtWidgets import QApplication, QScrollArea, QWidget

import napari

ZOOM = 1.4


def show(widget: QWidget) -> None:
    """Scroll to a part of a panel."""
    around = widget.parentWidget()
    while around is not None and not isinstance(around, QScrollArea):
        around = around.parentWidget()
    if around is not None:
        around.ensureWidgetVisible(widget)


def main() -> None:
    """Write all pictures of the page."""
    folder = (
        Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    )
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE)
    viewer.open_sample("napari-mmtseg", "coins")
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    panel.form.widgets["n_labels"].value = 2
    wait_seconds(1)
    panel.run_button.click()
    wait(lambda: not panel.is_running)
    labels = viewer.layers[-1]
    labels.contour = 2

    def shoot(name: str) -> None:
        QApplication.processEvents()
        path = folder / f"{name}.png"
        viewer.window.screenshot(str(path), canvas_only=False, flash=False)
        print(path)

    viewer.scene.camera.zoom = ZOOM
    section = panel.class_count_section
    section.output.setCurrentText("objects")
    section.output.activated.emit(section.output.currentIndex())
    wait(lambda: not section.is_busy)
    wait_seconds(1)
    show(section)
    wait_seconds(1)
    section.objects.size_box.setValue(45)  # shown as a circle for a moment
    wait(lambda: not section.is_busy)
    shoot("objects_segment")
    section.objects.size_box.setValue(0)
    wait(lambda: not section.is_busy)
    viewer.window.remove_dock_widget(panel.native)
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")
    wait_seconds(1)
    wait(lambda: not panel.is_busy)
    panel.buttons["measure"].click()
    wait(lambda: not panel.is_busy)
    panel.table.select_values([9], last=9)
    wait_seconds(1)
    show(panel.buttons["separate"])
    wait_seconds(1)
    shoot("objects_edit")
    viewer.window.remove_dock_widget(panel)
    viewer.window.add_plugin_dock_widget("napari", "Features table widget")
    wait_seconds(2)
    shoot("objects_features")
    viewer.close()


if __name__ == "__main__":
    main()

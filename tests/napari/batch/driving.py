"""Moves of a user in the Batch panel, and a folder of images."""

import imageio.v3 as iio
import tifffile

from tests.napari.driving import click, two_levels, wait_for_end

NAMES = ("a.png", "b.png", "c.tif", "d.png")
SLOW = {"n_steps": 3000, "patience": 0, "working_size": 128, "min_labels": 1}


def write_images(source):
    """Write four images, one of them with a pixel size."""
    source.mkdir()
    image, _ = two_levels()
    for name in NAMES:
        if name.endswith("tif"):
            details = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}
            details |= {"PhysicalSizeY": 0.25, "PhysicalSizeYUnit": "µm"}
            tifffile.imwrite(source / name, image, ome=True, metadata=details)
        else:
            iio.imwrite(source / name, image)
    return source


def labels_of(folder):
    return folder.with_name("images-labels")


def set_settings(panel, **values):
    for name, value in values.items():
        panel.form.settings.widgets[name].value = value


def choose(panel, qtbot, source, target=None):
    panel.form.source.value = source
    if target is not None:
        panel.form.target.value = target
    look(panel, qtbot)


def look(panel, qtbot):
    qtbot.waitUntil(lambda: not panel.is_looking, timeout=20_000)


def run(panel, qtbot):
    click(qtbot, panel.run_button)
    assert panel.is_running
    wait_for_end(panel, qtbot)
    look(panel, qtbot)


def statuses(panel):
    return {r.item.name: r.status for r in panel.table.images.records}

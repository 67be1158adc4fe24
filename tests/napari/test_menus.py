"""What the manifest promises is there in a real window."""

import numpy as np
import pytest
from npe2 import PluginManager
from qtpy.QtWidgets import QMenu

from tests.napari.driving import two_levels

SAMPLES = {
    "immunohistochemistry": (512, 512, 3),
    "hematoxylin": (512, 512),
    "coins": (303, 384),
    "cell": (660, 550),
    "focus_series": (9, 512, 512),
}


def entries(viewer, *titles):
    """Return the actions of a menu of the window, by its title and those above it."""
    window = viewer.window._qt_window
    menu = window.menuBar()
    for title in titles:
        menus = [a.menu() for a in menu.actions() if a.menu() is not None]
        (menu,) = [m for m in menus if m.title().replace("&", "") == title]
        menu.aboutToShow.emit()
    assert isinstance(menu, QMenu)
    return {a.text().replace("&", ""): a for a in menu.actions() if a.text()}


@pytest.fixture
def real_viewer(make_napari_viewer):
    return make_napari_viewer()


def test_layers_segment_opens_the_panel(real_viewer):
    real_viewer.add_image(two_levels()[0])
    actions = entries(real_viewer, "Layers", "Segment")
    entry = actions["Segment (MMT Segmentation)"]
    assert entry.isVisible()
    assert entry.isEnabled()
    assert not real_viewer.window.dock_widgets
    entry.trigger()
    (panel,) = real_viewer.window.dock_widgets.values()
    assert type(panel).__name__ == "SegmentWidget"
    assert panel.run_button.isEnabled()


def test_layers_segment_opens_the_edit_panel(real_viewer):
    real_viewer.add_labels(np.eye(4, dtype=np.int32))
    actions = entries(real_viewer, "Layers", "Segment")
    actions["Edit labels (MMT Segmentation)"].trigger()
    (panel,) = real_viewer.window.dock_widgets.values()
    assert type(panel).__name__ == "EditWidget"
    assert panel.target.layer in real_viewer.layers


def test_layers_segment_opens_the_batch_panel(real_viewer):
    actions = entries(real_viewer, "Layers", "Segment")
    actions["Batch (MMT Segmentation)"].trigger()
    (panel,) = real_viewer.window.dock_widgets.values()
    assert type(panel).__name__ == "BatchWidget"
    assert not panel.run_button.isEnabled()


def test_panels_and_samples_are_listed(real_viewer):
    actions = entries(real_viewer, "Plugins", "MMT Segmentation")
    titles = ("Segment", "Edit labels", "Batch")
    assert set(actions) >= {f"{title} (MMT Segmentation)" for title in titles}
    actions = entries(real_viewer, "File", "Open Sample", "MMT Segmentation")
    assert len(actions) == len(SAMPLES)


@pytest.mark.parametrize("key", SAMPLES)
def test_a_sample_opens(viewer, key):
    (layer,) = viewer.open_sample("napari-mmtseg", key)
    assert layer.data.shape == SAMPLES[key]
    assert np.ptp(layer.data) > 0


def test_samples_are_what_the_manifest_names():
    manifest = PluginManager.instance().get_manifest("napari-mmtseg")
    assert [sample.key for sample in manifest.contributions.sample_data] == list(
        SAMPLES
    )
    assert manifest.display_name == "MMT Segmentation"
    assert "Segmentation" in manifest.categories
    assert manifest.icon


def test_the_middle_of_the_focus_series_is_in_focus(viewer):
    (stack,) = viewer.open_sample("napari-mmtseg", "focus_series")
    sharpness = [float(np.abs(np.diff(plane)).mean()) for plane in stack.data]
    assert int(np.argmax(sharpness)) == 4

"""The whole way in a real viewer on real images, with the settings as they come."""

import numpy as np
import pytest

from tests.napari.driving import (
    click,
    labels_layers,
    run_to_the_end,
    set_values,
    take_current_slice,
)

pytestmark = [pytest.mark.timeout(300), pytest.mark.window]


@pytest.fixture
def segment_panel(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    return widget


def test_immunohistochemistry(viewer, segment_panel, qtbot):
    (image,) = viewer.open_sample("napari-mmtseg", "immunohistochemistry")
    set_values(segment_panel, n_labels=3)
    run_to_the_end(segment_panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.name == "immunohistochemistry labels"
    assert labels.data.shape == (512, 512)
    assert set(np.unique(labels.data)) == {1, 2, 3}
    brightness = [image.data[labels.data == i].mean() for i in (1, 2, 3)]
    assert np.diff(brightness).min() > -2  # brown and blue are about as dark
    # The glands are brown, what is between them is not: red less blue tells.
    brown = image.data[..., 0].astype(float) - image.data[..., 2]
    per_class = [brown[labels.data == i].mean() for i in (1, 2, 3)]
    assert max(per_class) > min(per_class) + 30


def test_cancel_on_a_real_image(viewer, segment_panel, qtbot):
    (image,) = viewer.open_sample("napari-mmtseg", "coins")
    set_values(segment_panel, preset="paper")
    segment_panel.run()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=60_000)
    click(qtbot, segment_panel.cancel_button)
    assert list(viewer.layers) == [image]
    assert segment_panel.run_button.isEnabled()
    qtbot.wait(1000)
    assert list(viewer.layers) == [image]


def test_one_slice_of_a_real_stack(viewer, segment_panel, qtbot):
    (stack,) = viewer.open_sample("napari-mmtseg", "focus_series")
    viewer.dims.set_current_step(0, 4)
    assert segment_panel.axes.value == "Z Y X"
    take_current_slice(segment_panel)
    run_to_the_end(segment_panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == (1, 512, 512)
    assert labels.translate[0] == 4
    nuclei = labels.data[0] == labels.data.max()
    assert stack.data[4][nuclei].mean() > 2 * stack.data[4][~nuclei].mean()

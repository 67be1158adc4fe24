"""The range of values: contrast limits of a layer, or automatic."""

import numpy as np

from tests.napari.driving import click


def test_contrast_limits_and_back(viewer, panel, qtbot):
    image = np.linspace(0, 4000, 32 * 32, dtype=np.float32).reshape(32, 32)
    viewer.add_image(image, contrast_limits=(100.25, 3000.12345))
    click(qtbot, panel.value_range.limits_button)
    assert panel.form.settings().value_range == (100.25, 3000.12)
    click(qtbot, panel.value_range.automatic_button)
    assert panel.form.settings().value_range == (None, None)


def test_other_settings_stay(viewer, panel, qtbot):
    viewer.add_image(np.eye(32))
    panel.seed.value = 7
    before = panel.form.settings()
    click(qtbot, panel.value_range.limits_button)
    found = panel.form.settings()
    assert found == before.replace(darkest_value=0, brightest_value=1)


def test_rgb_has_no_limits(viewer, panel, qtbot, notifications):
    viewer.add_image(np.zeros((32, 32, 3), np.uint8), rgb=True)
    click(qtbot, panel.value_range.limits_button)
    assert panel.form.settings().value_range == (None, None)
    assert "not RGB" in notifications[-1][1]

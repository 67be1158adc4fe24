"""Another method than the project's own, chosen in the form."""

import numpy as np
import pytest

import napari_mmtseg as mm
from napari_mmtseg import baselines
from tests.napari.driving import (
    QUICK,
    assert_found,
    click,
    in_a_thread,
    labels_layers,
    run_to_the_end,
    set_values,
    two_levels,
    wait_for_threads,
)


@pytest.fixture
def image_layer(viewer):
    return viewer.add_image(two_levels()[0], name="nuclei")


def test_the_form_offers_every_method_in_the_fold(panel):
    assert panel.form.widgets["method"].choices == ("mmt", *baselines.__all__)
    assert panel.more.isAncestorOf(panel.method.native)


@pytest.mark.parametrize("name", ["kmeans", "kim"])
def test_a_method_runs(viewer, panel, qtbot, image_layer, name, notifications):
    image, truth = two_levels()
    set_values(panel, method=name, n_labels=2, n_steps=30)
    run_to_the_end(panel, qtbot)
    (layer,) = labels_layers(viewer)
    assert_found(layer.data, truth)
    assert layer.metadata["napari_mmtseg"]["settings"]["method"] == name
    values = {**QUICK, "n_labels": 2, "n_steps": 30, "background": "auto"}
    expected = in_a_thread(mm.segment, image, method=name, **values)
    np.testing.assert_array_equal(layer.data, expected)
    assert notifications == []


def test_a_method_is_cancelled(viewer, panel, qtbot, image_layer):
    set_values(panel, method="kim", n_steps=5000, max_labels=100)
    click(qtbot, panel.run_button)
    qtbot.waitUntil(lambda: len(labels_layers(viewer)) == 1, timeout=60_000)
    click(qtbot, panel.cancel_button)
    wait_for_threads(qtbot)
    assert list(viewer.layers) == [image_layer]


def test_missing_scikit_learn_is_a_warning(
    viewer, panel, qtbot, image_layer, notifications, monkeypatch
):
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    set_values(panel, method="kmeans")
    run_to_the_end(panel, qtbot)
    ((severity, message),) = notifications
    assert severity == "warning"
    assert "pip install" in message

"""From Run to the Labels layer, through real signals."""

import numpy as np
import pytest

import napari_mmtseg as mm
from napari_mmtseg.napari.segment import segment_job
from napari_mmtseg.settings.fields import SegmentationSettings
from tests.napari.driving import (
    QUICK,
    assert_found,
    click,
    in_a_thread,
    labels_layers,
    run_to_the_end,
    set_values,
    two_levels,
    wait_for_end,
    wait_for_threads,
)

LONG = {"n_steps": 5000, "patience": 0, "working_size": 128, "min_labels": 1}


@pytest.fixture
def image_layer(viewer):
    return viewer.add_image(two_levels()[0], name="nuclei")


def start_long_run(panel, qtbot, viewer):
    """Start a run that does not end by itself, and wait for its first preview."""
    set_values(panel, **LONG)
    click(qtbot, panel.run_button)
    qtbot.waitUntil(lambda: len(labels_layers(viewer)) == 1, timeout=60_000)


@pytest.mark.window
def test_run_adds_the_labels_of_the_image(viewer, panel, qtbot, image_layer):
    image, truth = two_levels()
    set_values(panel, n_labels=2)
    run_to_the_end(panel, qtbot)
    assert [layer.name for layer in viewer.layers] == ["nuclei", "nuclei labels"]
    labels = viewer.layers["nuclei labels"]
    assert_found(labels.data, truth)
    assert labels.data.dtype == np.int32
    assert labels.data.flags.writeable
    assert labels.editable
    np.testing.assert_array_equal(image_layer.data, image)
    assert panel.progress.text.text().startswith("2 classes in ")
    assert panel.run_button.isVisibleTo(panel.native)
    assert not panel.cancel_button.isVisibleTo(panel.native)


def test_the_result_is_that_of_the_python_function(viewer, panel, qtbot, image_layer):
    set_values(panel, seed=3, output="regions")
    run_to_the_end(panel, qtbot)
    asked = {"seed": 3, "output": "regions", "background": "auto", **QUICK}
    expected = in_a_thread(mm.segment, image_layer.data, **asked)
    np.testing.assert_array_equal(labels_layers(viewer)[0].data, expected)


def test_the_result_says_where_it_is_from(viewer, panel, qtbot, image_layer):
    set_values(panel, n_labels=2, seed=7)
    run_to_the_end(panel, qtbot)
    about = labels_layers(viewer)[0].metadata["napari_mmtseg"]
    assert about["source"] == "nuclei"
    assert about["axes"] == "Y X"
    assert about["seed"] == 7
    assert about["n_labels"] == 2
    assert about["n_steps"] == 6
    assert about["stop_reason"] == "all steps are done"
    assert about["versions"]["napari-mmtseg"] == mm.__version__
    settings = SegmentationSettings(**about["settings"])
    assert settings == SegmentationSettings.offered().replace(
        n_labels=2, seed=7, **QUICK
    )
    again = in_a_thread(mm.segment, image_layer.data, settings=settings)
    np.testing.assert_array_equal(labels_layers(viewer)[0].data, again)


def test_the_result_can_be_painted_and_undone(viewer, panel, qtbot, image_layer):
    run_to_the_end(panel, qtbot)
    labels = labels_layers(viewer)[0]
    before = labels.data.copy()
    labels.data_setitem((np.array([0]), np.array([0])), 9)
    assert labels.data[0, 0] == 9
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)


def test_another_run_adds_another_layer(viewer, panel, qtbot, image_layer):
    run_to_the_end(panel, qtbot)
    first = labels_layers(viewer)[0]
    kept = first.data.copy()
    panel.choice.layer.value = image_layer
    run_to_the_end(panel, qtbot)
    assert len(labels_layers(viewer)) == 2
    assert len({layer.name for layer in viewer.layers}) == 3
    np.testing.assert_array_equal(first.data, kept)


@pytest.mark.window
def test_a_preview_can_be_seen_but_not_edited(viewer, panel, qtbot, image_layer):
    start_long_run(panel, qtbot, viewer)
    preview = labels_layers(viewer)[0]
    assert preview.data.shape == image_layer.data.shape
    assert not preview.editable
    assert panel.progress.bar.isVisibleTo(panel.native)
    qtbot.waitUntil(lambda: len(panel.progress.curve.counts) > 3, timeout=10_000)
    assert "step" in panel.progress.text.text()
    panel.cancel()


@pytest.mark.window
@pytest.mark.parametrize("preview", [False, True])
def test_cancel_leaves_nothing_behind(viewer, panel, qtbot, image_layer, preview):
    if preview:
        start_long_run(panel, qtbot, viewer)
    else:
        click(qtbot, panel.run_button)
    click(qtbot, panel.cancel_button)
    assert list(viewer.layers) == [image_layer]
    assert viewer.layers.selection.active == image_layer
    assert panel.run_button.isVisibleTo(panel.native)
    assert panel.run_button.isEnabled()
    wait_for_threads(qtbot)
    assert list(viewer.layers) == [image_layer]
    assert panel.progress.text.text() == "Cancelled."


def test_a_run_right_after_cancel_gives_its_own_result(
    viewer, panel, qtbot, image_layer
):
    start_long_run(panel, qtbot, viewer)
    click(qtbot, panel.cancel_button)
    set_values(panel, preset="fast", n_labels=2, **QUICK)
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.metadata["napari_mmtseg"]["n_steps"] == QUICK["n_steps"]
    assert_found(labels.data, two_levels()[1])


def test_stop_keeps_the_labels(viewer, panel, qtbot, image_layer):
    start_long_run(panel, qtbot, viewer)
    click(qtbot, panel.stop_button)
    wait_for_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    about = labels.metadata["napari_mmtseg"]
    assert about["stop_reason"] == "stopped by the user"
    assert 0 < about["n_steps"] < LONG["n_steps"]
    assert labels.editable
    assert len(np.unique(labels.data)) > 1


def test_there_is_no_second_run_during_a_run(viewer, panel, qtbot, image_layer):
    start_long_run(panel, qtbot, viewer)
    assert not panel.run_button.isVisibleTo(panel.native)
    assert panel.stop_button.isVisibleTo(panel.native)
    assert panel.cancel_button.isVisibleTo(panel.native)
    panel.run()
    panel.run_button.click()
    click(qtbot, panel.stop_button)
    wait_for_end(panel, qtbot)
    qtbot.wait(100)
    assert not panel.is_running
    assert len(labels_layers(viewer)) == 1


@pytest.mark.window
def test_deleting_the_image_during_a_run_does_not_matter(
    viewer, panel, qtbot, image_layer, notifications
):
    image_layer.scale = (0.5, 0.25)
    start_long_run(panel, qtbot, viewer)
    viewer.layers.remove("nuclei")
    click(qtbot, panel.stop_button)
    wait_for_end(panel, qtbot)
    (labels,) = viewer.layers
    assert labels.name == "nuclei labels"
    np.testing.assert_allclose(labels.scale, (0.5, 0.25))
    assert labels.data.shape == (48, 64)
    assert notifications == []


def test_deleting_the_preview_ends_previews_not_the_run(
    viewer, panel, qtbot, image_layer
):
    start_long_run(panel, qtbot, viewer)
    viewer.layers.remove(labels_layers(viewer)[0])
    steps = len(panel.progress.curve.counts)
    curve = panel.progress.curve
    qtbot.waitUntil(lambda: len(curve.counts) > steps + 40, timeout=30_000)
    assert labels_layers(viewer) == []
    click(qtbot, panel.stop_button)
    wait_for_end(panel, qtbot)
    assert [layer.name for layer in labels_layers(viewer)] == ["nuclei labels"]


@pytest.mark.window
def test_cancel_after_deleting_everything(viewer, panel, qtbot, image_layer):
    start_long_run(panel, qtbot, viewer)
    viewer.layers.clear()
    click(qtbot, panel.cancel_button)
    assert len(viewer.layers) == 0


def test_another_choice_during_a_run_does_not_change_it(
    viewer, panel, qtbot, image_layer
):
    start_long_run(panel, qtbot, viewer)
    other = viewer.add_image(np.zeros((20, 20)), name="other")
    viewer.layers.selection.active = other
    set_values(panel, seed=99)
    click(qtbot, panel.stop_button)
    wait_for_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.name == "nuclei labels"
    assert labels.metadata["napari_mmtseg"]["seed"] == 0


@pytest.mark.window
def test_closing_the_panel_during_a_run_cancels_it(viewer, panel, qtbot, image_layer):
    start_long_run(panel, qtbot, viewer)
    viewer.window.remove_dock_widget(panel.native)
    wait_for_threads(qtbot)
    assert list(viewer.layers) == [image_layer]


def test_an_error_in_the_engine_is_one_notification(
    viewer, panel, qtbot, image_layer, notifications, monkeypatch
):
    def broken(*args, **kwargs):
        yield from ()
        raise RuntimeError("the convolution exploded")

    with monkeypatch.context() as patch:
        patch.setattr(segment_job, "iter_segment", broken)
        run_to_the_end(panel, qtbot)
    assert len(notifications) == 1
    severity, message = notifications[0]
    assert severity == "error"
    assert "the convolution exploded" in message
    assert list(viewer.layers) == [image_layer]
    run_to_the_end(panel, qtbot)
    assert len(labels_layers(viewer)) == 1
    assert len(notifications) == 1


def test_an_error_in_the_middle_takes_the_preview_away(
    viewer, panel, qtbot, image_layer, notifications, monkeypatch
):
    def broken(*args, **kwargs):
        steps = mm.iter_segment(*args, **{**kwargs, "preview_interval": 0})
        for _ in range(12):
            yield next(steps)
        raise MemoryError("out of memory")

    monkeypatch.setattr(segment_job, "iter_segment", broken)
    run_to_the_end(panel, qtbot)
    assert list(viewer.layers) == [image_layer]
    assert [severity for severity, _ in notifications] == ["error"]


def test_an_image_that_cannot_be_used_after_all_is_a_warning(
    viewer, panel, qtbot, image_layer, notifications, monkeypatch
):
    def refuse(*args, **kwargs):
        raise mm.InputError("This image has left the building.")

    monkeypatch.setattr(segment_job, "iter_segment", refuse)
    run_to_the_end(panel, qtbot)
    assert notifications == [("warning", "This image has left the building.")]
    assert list(viewer.layers) == [image_layer]
    assert panel.progress.text.text() == "This image has left the building."


def test_a_warning_of_the_engine_is_shown_once(viewer, panel, qtbot, notifications):
    image = two_levels()[0].astype(float)
    image[:2] = np.nan
    viewer.add_image(image, contrast_limits=(0, 255))
    run_to_the_end(panel, qtbot)
    (notification,) = notifications
    assert notification[0] == "warning"
    assert "NaN" in notification[1]
    assert len(labels_layers(viewer)) == 1


def test_the_users_data_is_not_touched_during_a_run(viewer, panel, qtbot, image_layer):
    start_long_run(panel, qtbot, viewer)
    image_layer.data[:] = 0  # after the image was read: the run has its own copy
    click(qtbot, panel.stop_button)
    wait_for_end(panel, qtbot)
    assert len(np.unique(labels_layers(viewer)[0].data)) > 1


def test_the_text_of_a_result_goes_with_its_layer(viewer, panel, qtbot):
    viewer.add_image(two_levels()[0])
    run_to_the_end(panel, qtbot)
    viewer.layers.remove(labels_layers(viewer)[0])
    assert panel.progress.text.text() == ""
    run_to_the_end(panel, qtbot)
    first = labels_layers(viewer)[0]
    run_to_the_end(panel, qtbot)
    viewer.layers.remove(first)  # not what the text is about
    assert "classes in" in panel.progress.text.text()

"""The bar in napari's activity dock."""

import traceback

import pytest
from napari.utils import progress
from qtpy.QtWidgets import QApplication

from napari_mmtseg.napari.runs import progress as activity_bar
from tests.napari.driving import (
    click,
    labels_layers,
    set_values,
    two_levels,
    wait_for_threads,
)

pytestmark = pytest.mark.window


@pytest.fixture
def long_run(viewer, panel, qtbot):
    viewer.add_image(two_levels()[0], name="nuclei")
    set_values(panel, n_steps=5000, patience=0, min_labels=1)
    click(qtbot, panel.run_button)
    return panel


def test_the_bar_comes_moves_and_goes(long_run, qtbot):
    qtbot.waitUntil(lambda: len(progress._all_instances) == 1, timeout=10_000)
    (bar,) = progress._all_instances
    assert bar.total == 5000
    assert "nuclei" in bar.desc
    qtbot.waitUntil(lambda: bar.n > 3, timeout=30_000)
    click(qtbot, long_run.stop_button)
    qtbot.waitUntil(lambda: not long_run.is_running, timeout=30_000)
    assert len(progress._all_instances) == 0


def test_cancel_in_the_dock_cancels_the_run(long_run, viewer, qtbot):
    qtbot.waitUntil(lambda: len(progress._all_instances) == 1, timeout=10_000)
    next(iter(progress._all_instances)).cancel()
    qtbot.waitUntil(lambda: not long_run.is_running, timeout=10_000)
    wait_for_threads(qtbot)
    assert labels_layers(viewer) == []
    assert len(progress._all_instances) == 0


def test_a_run_that_ends_while_its_bar_is_made_leaves_none(qtbot, monkeypatch):
    made = activity_bar.cancelable_progress

    def make(*args, **kwargs):
        shown.stop()
        return made(*args, **kwargs)

    monkeypatch.setattr(activity_bar, "cancelable_progress", make)
    view = activity_bar.ProgressView()
    qtbot.addWidget(view)
    shown = activity_bar.ActivityBar(view, lambda: None)
    shown.start(5, "nuclei")
    qtbot.waitUntil(lambda: shown._run == 2, timeout=10_000)
    qtbot.wait(20)
    assert len(progress._all_instances) == 0


def test_the_bar_is_there_while_the_panel_is_out_of_sight(qtbot):
    # As long as there is one, napari repaints its window 30 times a second.
    view = activity_bar.ProgressView()
    qtbot.addWidget(view)
    shown = activity_bar.ActivityBar(view, lambda: None)
    shown._timer.setInterval(0)
    view.start(5, "Training")
    view.show()
    qtbot.waitUntil(lambda: view.is_in_sight)
    shown.start(5, "nuclei")
    qtbot.wait(50)
    assert len(progress._all_instances) == 0
    view.hide()
    qtbot.waitUntil(lambda: len(progress._all_instances) == 1)
    view.show()
    qtbot.waitUntil(lambda: len(progress._all_instances) == 0)
    shown.stop()


def test_the_event_loop_never_runs_inside_a_signal_of_the_run(
    viewer, panel, qtbot, monkeypatch
):
    # It did once: the run was deleted below the signal that it was emitting.
    callers = []

    class Bar(activity_bar.cancelable_progress):
        def _watch(self):
            callers.extend(frame.name for frame in traceback.extract_stack())
            QApplication.processEvents()

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self._watch()

        def update(self, n=1):
            super().update(n)
            self._watch()

    monkeypatch.setattr(activity_bar, "cancelable_progress", Bar)
    panel._control._activity._timer.setInterval(0)
    viewer.add_image(two_levels()[0])
    for _ in range(3):
        panel.choice.layer.value = viewer.layers[0]
        click(qtbot, panel.run_button)
        qtbot.waitUntil(lambda: not panel.is_running, timeout=30_000)
    wait_for_threads(qtbot)
    assert "_update" in callers
    assert "_on_yielded" not in callers
    assert "_on_reported" not in callers

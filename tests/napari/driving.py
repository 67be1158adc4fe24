"""What a user's hands do, and images with a knowable answer."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from uuid import uuid4

import numpy as np
from qtpy.QtCore import Qt, QThreadPool

from napari_mmtseg.napari.segment.run_layer import RunLayer

QUICK = {"n_steps": 6, "warm_start_steps": 3, "max_labels": 8, "working_size": 64}


def two_levels(shape=(48, 64)):
    """Return a bright rectangle on a dark ground, and where it is."""
    truth = np.zeros(shape, bool)
    truth[12:36, 16:48] = True
    noise = np.random.default_rng(0).integers(0, 8, shape)
    return (np.where(truth, 180, 60) + noise).astype(np.uint8), truth


def assert_found(labels, truth):
    """The dark ground is 0, the bright rectangle 1, a few pixels at its edge aside."""
    assert set(np.unique(labels)) == {0, 1}
    assert np.mean(labels == truth) > 0.95


def in_a_thread(function, *args, **kwargs):
    """Call a function in a thread like that of a run.

    PyTorch may use another number of threads in the main thread, and then sums in
    another order: a pixel between two classes may change.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args, **kwargs).result()


def assert_the_same(labels, expected):
    """Labels are the same, but for pixels between two classes.

    PyTorch may use another number of threads in the thread of a run than elsewhere, and
    networks of few steps leave pixels that the order of a sum decides.
    """
    labels = np.asarray(labels)
    assert labels.shape == expected.shape
    assert set(np.unique(labels)) == set(np.unique(expected))
    assert np.mean(labels != expected) < 0.02


def set_values(panel, **values):
    for name, value in values.items():
        panel.form.widgets[name].value = value


def take_current_slice(panel):
    """Choose the slice that the viewer shows instead of the whole stack."""
    panel.slices.value = "current slice"


def click(qtbot, button):
    assert button.isVisibleTo(button.window())
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def settle(panel, qtbot):
    """Wait until the Edit labels panel has nothing left to do."""
    qtbot.waitUntil(lambda: not panel.is_busy, timeout=20_000)


def press(panel, qtbot, name):
    """Press a button of the Edit labels panel and wait for what comes of it."""
    settle(panel, qtbot)
    click(qtbot, panel.buttons[name])
    settle(panel, qtbot)


def wait_for_threads(qtbot):
    pool = QThreadPool.globalInstance()
    qtbot.waitUntil(lambda: pool.activeThreadCount() == 0, timeout=30_000)
    qtbot.wait(20)  # for what the threads have sent last


def wait_for_end(panel, qtbot):
    qtbot.waitUntil(lambda: not panel.is_running, timeout=60_000)
    wait_for_threads(qtbot)


def run_to_the_end(panel, qtbot):
    click(qtbot, panel.run_button)
    assert panel.is_running
    wait_for_end(panel, qtbot)


def labels_layers(viewer):
    return [layer for layer in viewer.layers if type(layer).__name__ == "Labels"]


class SharedRun:
    """A run that the first test makes; the others get a copy of its result.

    For tests that begin with the same result of the same image. The copies pass
    through the code of the panel from the end of the run on.
    """

    def __init__(self):
        self._outcome = None

    def result(self, panel, qtbot):
        """Return the layer of the result in the panel's viewer."""
        if self._outcome is None:
            outcomes = []
            panel._control._queue.ended.connect(outcomes.append)
            run_to_the_end(panel, qtbot)
            (outcome,) = outcomes
            self._outcome = self._copy(outcome, outcome.kept.source)
        else:
            control, source = panel._control, panel.choice.source()
            control._layer = RunLayer(panel._viewer, source)
            control._on_ended(self._copy(self._outcome, source))
        return panel.class_count_section.layer

    @staticmethod
    def _copy(outcome, source):
        kept = replace(
            outcome.kept,
            source=source,
            class_counts=deepcopy(outcome.kept.class_counts),
            identity=uuid4().hex,
        )
        provenance = deepcopy(outcome.provenance)
        return replace(
            outcome, labels=outcome.labels.copy(), provenance=provenance, kept=kept
        )

"""What a run on a stack shows while it lasts, and what is left when it is stopped."""

import numpy as np
import pytest

from napari_mmtseg.napari.layers.source import choose_source
from napari_mmtseg.napari.segment.run_layer import RunLayer
from napari_mmtseg.napari.segment.stack_preview import ShownSlice, StackPreview
from napari_mmtseg.progress import SegmentationStep
from tests.napari.driving import (
    QUICK,
    click,
    labels_layers,
    wait_for_end,
    wait_for_threads,
)
from tests.napari.stacks import (
    STACK,
    Gate,
    show_slice,
)


@pytest.fixture
def gate(monkeypatch):
    return Gate(monkeypatch)


def shown_value(labels, viewer):
    """Return what the layer draws in the middle of the slice that is shown."""
    return labels.get_value((viewer.dims.point[0], 24, 32), world=True)


@pytest.mark.window
def test_the_preview_follows_the_slice_that_is_shown(viewer, panel, qtbot, gate):
    viewer.add_image(STACK, name="stack", scale=(5, 1, 1), translate=(10, 0, 0))
    show_slice(viewer, 4)
    click(qtbot, panel.run_button)
    gate.open()
    qtbot.waitUntil(lambda: len(labels_layers(viewer)) == 1, timeout=20_000)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == STACK.shape
    assert not labels.editable
    assert gate.shown == [(4,)]
    assert shown_value(labels, viewer) == 20
    show_slice(viewer, 1)
    assert shown_value(labels, viewer) == 0
    qtbot.wait(400)
    gate.open()
    qtbot.waitUntil(lambda: shown_value(labels, viewer) == 21, timeout=20_000)
    assert gate.shown == [(4,), (1,)]
    assert (labels.data[4] == 20).all()
    click(qtbot, panel.cancel_button)
    assert [layer.name for layer in viewer.layers] == ["stack"]


def test_finished_slices_appear_and_are_counted(viewer, panel, qtbot, gate):
    viewer.add_image(STACK, name="stack")
    click(qtbot, panel.run_button)
    gate.open(10)
    qtbot.waitUntil(lambda: len(gate.shown) == 10, timeout=20_000)
    qtbot.wait(400)
    for n in (1, 2, 3):
        gate.open()
        qtbot.waitUntil(
            lambda n=n: (
                f"Slice {n + 1} of 6" in panel.progress.text.text()
                or (labels_layers(viewer)[0].data[n - 1] == n).all()
            ),
            timeout=20_000,
        )
        qtbot.wait(400)
    (labels,) = labels_layers(viewer)
    assert [int(labels.data[z, 0, 0]) for z in range(3)] == [1, 2, 3]
    assert "of 6" in panel.progress.text.text()
    assert panel.progress.bar.maximum() == 2 * QUICK["n_steps"]
    show_slice(viewer, 2)
    assert shown_value(labels, viewer) == 3
    click(qtbot, panel.cancel_button)
    wait_for_threads(qtbot)
    assert gate.closed
    assert [layer.name for layer in viewer.layers] == ["stack"]


def open_until(condition, gate, qtbot):
    """Let the core go on, slowly enough for the panel to hear of every step."""
    for _ in range(20):
        if condition():
            return
        gate.open()
        qtbot.wait(150)
    raise AssertionError("The core has not got there.")


def test_one_click_on_stop_ends_the_training_the_next_the_slices(
    viewer, panel, qtbot, gate
):
    viewer.add_image(STACK, name="stack")
    click(qtbot, panel.run_button)
    gate.open(2)
    qtbot.waitUntil(lambda: len(gate.shown) == 2, timeout=20_000)
    click(qtbot, panel.stop_button)
    open_until(lambda: "stop" in gate.answers, gate, qtbot)
    assert len(gate.shown) < 6
    open_until(lambda: gate.n_done == 2, gate, qtbot)
    assert panel.is_running
    assert gate.answers.count("stop") == 1
    click(qtbot, panel.stop_button)
    open_until(lambda: not panel.is_running, gate, qtbot)
    wait_for_end(panel, qtbot)
    assert gate.answers.count("stop") == 2
    (labels,) = labels_layers(viewer)
    done = [z for z in range(6) if labels.data[z].any()]
    assert done == list(range(len(done)))
    assert 2 <= len(done) < 6
    assert all((labels.data[z] == z + 1).all() for z in done)
    reason = labels.metadata["napari_mmtseg"]["stop_reason"]
    assert reason == f"stopped by the user after {len(done)} of 6 slices"
    assert "Not all of it has labels" in panel.class_count_section.about.text()


def test_a_stack_in_memory_is_frozen_at_the_start(viewer, panel, qtbot, gate):
    data = STACK.copy()
    viewer.add_image(data, name="stack")
    click(qtbot, panel.run_button)
    gate.open()
    qtbot.waitUntil(lambda: bool(gate.shown), timeout=20_000)
    data[:] = 0
    np.testing.assert_array_equal(gate.image, STACK)
    click(qtbot, panel.cancel_button)


def test_a_preview_is_small_and_written_into_the_layer(viewer):
    stack = np.zeros((40, 2048, 2048), np.uint8)
    layer = viewer.add_image(stack, name="stack", contrast_limits=(0, 1))
    source = choose_source(layer, "Z Y X", all_slices=True)
    preview = StackPreview(source, source.as_stack(), np.uint16, 0.25)
    shown = RunLayer(viewer, source)
    labels = np.ones((2048, 2048), np.int32)
    first = None
    for z in range(10):
        step = SegmentationStep("prediction", 1, 1, labels=labels * z, index=(z,))
        assert preview.take(step)
        shown.show_preview(preview.labels)
        first = first if z else shown.layer.data
        assert shown.layer.data is first  # a new array would be drawn as a whole
    assert shown.layer.data.shape == (40, 1024, 1024)
    assert [int(shown.layer.data[z].max()) for z in range(11)] == [*range(10), 0]


def test_the_shown_slice_is_one_of_the_stack(viewer):
    viewer.add_image(np.zeros((40, 20, 30)), contrast_limits=(0, 1))
    layer = viewer.add_image(
        np.zeros((2, 6, 20, 30)), scale=(1, 2, 1, 1), translate=(0, 10, 0, 0),
        contrast_limits=(0, 1),
    )  # fmt: skip
    source = choose_source(layer, "T Z Y X", all_slices=True)
    slices = ShownSlice(viewer, source, "YX")
    volumes = ShownSlice(viewer, source, "ZYX")
    for point, slice_index in (((1, 14), (1, 2)), ((0, 39), (0, 5)), ((1, 0), (1, 0))):
        viewer.dims.set_point((0, 1), point)
        assert slices() == slice_index
        assert volumes() == slice_index[:1]

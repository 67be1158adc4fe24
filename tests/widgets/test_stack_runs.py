"""Stacks and volumes, from Run to the Labels layer, in a real viewer."""

import dask.array as da
import numpy as np
import pytest
import zarr

import napari_mmtseg as mm
from napari_mmtseg._widgets import segment_job
from napari_mmtseg.progress import SegmentationStep
from tests.widgets.driving import (
    QUICK,
    click,
    labels_layers,
    run_to_the_end,
    set_values,
    two_levels,
    wait_for_end,
    wait_for_threads,
)

IMAGE, TRUTH = two_levels()
STACK = np.stack([np.roll(IMAGE, 2 * z, axis=1) for z in range(6)])
TRUTHS = np.stack([np.roll(TRUTH, 2 * z, axis=1) for z in range(6)])


def show_slice(viewer, *steps):
    for axis, step in enumerate(steps):
        viewer.dims.set_current_step(axis, step)


class CountedStack:
    """Lazy data that remembers how many pixels were read at once."""

    def __init__(self, stack):
        self._stack = stack
        self.shape, self.dtype, self.ndim = stack.shape, stack.dtype, stack.ndim
        self.read = []

    def __getitem__(self, index):
        part = self._stack[index]
        self.read.append(np.asarray(part).size)
        return part


@pytest.mark.parametrize("mode", ["one_model", "slice_by_slice", "volume"])
def test_every_mode_labels_the_whole_stack(viewer, panel, qtbot, mode):
    viewer.add_image(STACK, name="stack")
    assert panel.form.widgets["stack"].native.isVisibleTo(panel)
    set_values(panel, n_labels=2, stack=mode)
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == STACK.shape
    assert labels.data.dtype == np.int32
    assert labels.editable
    assert set(np.unique(labels.data)) == {1, 2}
    assert np.mean(labels.data == np.where(TRUTHS, 2, 1)) > 0.95
    about = labels.metadata["napari_mmtseg"]
    assert about["settings"]["stack"] == mode
    assert about["slice"] == {}
    assert about["shape"] == list(STACK.shape)


def test_the_result_is_that_of_the_python_function(viewer, panel, qtbot):
    viewer.add_image(STACK, name="stack")
    run_to_the_end(panel, qtbot)
    expected = mm.segment(STACK, axes="ZYX", **QUICK)
    np.testing.assert_array_equal(labels_layers(viewer)[0].data, expected)


def test_the_slider_moves_all_slices(viewer, panel, qtbot):
    viewer.add_image(STACK)
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    section = panel.shape_section
    assert section.slider.isVisibleTo(panel)
    assert not section.merging.isEnabled()
    assert "stack" in section.merging.toolTip()
    section.slider.slider.setValue(3)
    qtbot.waitUntil(lambda: not section.is_busy, timeout=20_000)
    assert [len(np.unique(plane)) for plane in labels.data] == [3] * 6
    section.slider.slider.setValue(2)
    qtbot.waitUntil(lambda: not section.is_busy, timeout=20_000)
    assert [len(np.unique(plane)) for plane in labels.data] == [2] * 6
    labels.undo()
    assert [len(np.unique(plane)) for plane in labels.data] == [3] * 6


def test_confidence_says_why_it_does_not_go_with_a_stack(viewer, panel, qtbot):
    viewer.add_image(STACK)
    run_to_the_end(panel, qtbot)
    button = panel.confidence_section.show_button
    assert button.isVisibleTo(panel)
    assert not button.isEnabled()
    assert "current slice" in button.toolTip()


def test_slice_by_slice_says_why_there_is_no_slider(viewer, panel, qtbot):
    viewer.add_image(STACK)
    set_values(panel, stack="slice_by_slice")
    run_to_the_end(panel, qtbot)
    section = panel.shape_section
    assert not section.slider.isVisibleTo(panel)
    assert "Every slice has a model of its own" in section.about.text()


def test_the_model_of_a_stack_labels_another_one_alike(viewer, panel, qtbot):
    first = viewer.add_image(STACK, name="first")
    set_values(panel, n_labels=2)
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    other = viewer.add_image(STACK[::-1].copy(), name="other")
    assert panel.choice.layer.value == other
    panel.model_actions.apply_layer(labels)
    wait_for_end(panel, qtbot)
    np.testing.assert_array_equal(viewer.layers["other labels"].data[::-1], labels.data)
    viewer.layers.selection.active = first
    panel.choice.slices.setCurrentText("current slice")
    panel.model_actions.apply_layer(labels)
    wait_for_end(panel, qtbot)
    one = viewer.layers[-1]
    assert one.data.shape == (1, 48, 64)


def test_strokes_on_one_slice_teach_the_whole_stack(viewer, panel, qtbot):
    viewer.add_image(STACK, name="stack")
    paint = np.zeros(STACK.shape, np.uint8)
    paint[2, 3:6, 3:12] = 7
    paint[2, 20:24, 26:40] = 5
    viewer.add_labels(paint, name="paint")
    panel.hints.choose(viewer.layers["paint"])
    assert not panel.hints.all_slices.isVisibleTo(panel)
    run_to_the_end(panel, qtbot)
    labels = viewer.layers["stack labels"].data
    assert np.mean(labels == np.where(TRUTHS, 5, 7)) > 0.95


class Gate:
    """Stands in for the core: training and slices, one step for every opening."""

    def __init__(self, monkeypatch):
        self.shown = []
        self.answers = []
        self.closed = False
        self.n_open = 0
        self.n_done = 0
        monkeypatch.setattr(segment_job, "iter_segment", self._steps)

    def open(self, n=1):
        self.n_open += n

    def _steps(self, image, *, settings, shown, should_cancel, **_):
        n = len(image)
        training = self._training(settings, shown, should_cancel, n)
        labels = np.zeros(image.shape, np.int32)
        try:
            done = yield from training
            for z in range(n):
                self._wait(should_cancel)
                labels[z] = z + 1
                done = yield SegmentationStep(
                    "prediction", 10, 10, n_labels=2, labels=labels[z], index=(z,),
                    n_done=z + 1, n_slices=n,
                )  # fmt: skip
                self.n_done = z + 1
                self.answers.append(done)
                if done == "stop":
                    break
            real = mm.iter_segment(np.eye(16), **QUICK)
            result = drained(real)
        finally:
            self.closed = True
        return mm.SegmentationResult(
            **{**vars(result), "labels": labels, "hierarchy": None,
               "stop_reason": f"stopped by the user after {z + 1} of {n} slices"}
        )  # fmt: skip

    def _training(self, settings, shown, should_cancel, n):
        for step in range(10):
            self._wait(should_cancel)
            index = shown()
            self.shown.append(index)
            preview = np.full(IMAGE.shape, 20 + step, np.int32)
            answer = yield SegmentationStep(
                "mutual teaching", step, 10, n_labels=9, labels=preview, index=index,
                n_slices=n,
            )  # fmt: skip
            self.answers.append(answer)
            if answer == "stop":
                return answer
        return None

    def _wait(self, should_cancel):
        import time

        while not self.n_open:
            if should_cancel():
                raise mm.errors.Cancelled
            time.sleep(0.01)
        self.n_open -= 1


def drained(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.fixture
def gate(monkeypatch):
    return Gate(monkeypatch)


def shown_value(labels, viewer):
    """Return what the layer draws in the middle of the slice that is shown."""
    return labels.get_value((viewer.dims.point[0], 24, 32), world=True)


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
    assert panel.progress.bar.maximum() == 6 + QUICK["n_steps"]
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
    assert "Not all slices have labels" in panel.shape_section.about.text()


def lazy_dask(tmp_path, data):
    return da.from_array(data, chunks=(*(1,) * (data.ndim - 2), *data.shape[-2:]))


def lazy_zarr(tmp_path, data):
    array = zarr.create_array(
        tmp_path / "stack.zarr",
        shape=data.shape,
        chunks=(*(1,) * (data.ndim - 2), *data.shape[-2:]),
        dtype=data.dtype,
    )
    array[...] = data
    return array


def lazy_memmap(tmp_path, data):
    array = np.memmap(tmp_path / "stack.raw", data.dtype, "w+", shape=data.shape)
    array[...] = data
    return array


@pytest.mark.parametrize("lazy", [lazy_dask, lazy_zarr, lazy_memmap])
def test_lazy_stacks_give_the_same_labels(viewer, panel, qtbot, tmp_path, lazy):
    viewer.add_image(lazy(tmp_path, STACK), name="stack", contrast_limits=(0, 255))
    panel.choice.axes.setEditText("Z Y X")
    assert "read while it runs" in panel.hint.text()
    run_to_the_end(panel, qtbot)
    expected = mm.segment(STACK, axes="ZYX", **QUICK)
    np.testing.assert_array_equal(labels_layers(viewer)[0].data, expected)


def test_of_several_levels_the_finest_is_segmented(viewer, panel, qtbot):
    levels = [STACK, STACK[:, ::2, ::2]]
    viewer.add_image(levels, multiscale=True, name="stack", scale=(3, 0.5, 0.5))
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == STACK.shape
    np.testing.assert_allclose(labels.scale, (3, 0.5, 0.5))


def test_a_lazy_stack_is_never_read_as_a_whole(viewer, panel, qtbot):
    stack = CountedStack(STACK)
    viewer.add_image(stack, name="stack", contrast_limits=(0, 255), multiscale=False)
    stack.read.clear()
    run_to_the_end(panel, qtbot)
    assert max(stack.read) <= IMAGE.size
    assert labels_layers(viewer)[0].data.shape == STACK.shape


def test_a_stack_in_memory_is_frozen_at_the_start(viewer, panel, qtbot, gate):
    data = STACK.copy()
    viewer.add_image(data, name="stack")
    seen = {}
    inner = segment_job.iter_segment

    def remember(image, **kwargs):
        seen["image"] = image
        return inner(image, **kwargs)

    segment_job.iter_segment = remember
    click(qtbot, panel.run_button)
    gate.open()
    qtbot.waitUntil(lambda: bool(gate.shown), timeout=20_000)
    data[:] = 0
    np.testing.assert_array_equal(seen["image"], STACK)
    click(qtbot, panel.cancel_button)


def test_labels_that_lie_in_a_file(viewer, panel, qtbot):
    viewer.add_image(STACK, name="stack")
    set_values(panel, memory_share=0.0)
    assert "Labels go to a file" in panel.memory.text()
    assert "color" in panel.memory.styleSheet()
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert isinstance(labels.data, np.memmap)
    assert "temporary file" in panel.shape_section.about.text()
    assert not panel.shape_section.slider.isVisibleTo(panel)
    labels.data_setitem((np.array([3]), np.array([0]), np.array([0])), 9)
    assert labels.data[3, 0, 0] == 9


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stack": "volume"}, "needs an axis Z"),
        ({"method": "kmeans"}, "method=kmeans leaves no model"),
    ],
)
def test_what_does_not_go_with_a_stack_is_said_before_the_run(
    viewer, panel, values, message
):
    viewer.add_image(STACK)
    panel.choice.axes.setEditText("T Y X")
    assert panel.run_button.isEnabled()
    set_values(panel, **values)
    assert not panel.run_button.isEnabled()
    assert message in panel.reason.text()
    panel.choice.slices.setCurrentText("current slice")
    assert panel.run_button.isEnabled(), panel.reason.text()

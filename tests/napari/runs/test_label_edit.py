"""Operations on a thread, each one step of a layer's undo history."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import QObject

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.editing import check_editable
from napari_mmtseg.napari.runs.label_edit import EditRunner
from tests.napari.driving import wait_for_threads


@pytest.fixture
def runner(qtbot):
    parent = QObject()
    yield EditRunner(parent)
    wait_for_threads(qtbot)


def settle(runner, qtbot):
    qtbot.waitUntil(lambda: not runner.is_busy, timeout=10_000)


def numbers(shape=(6, 8)):
    return (np.arange(np.prod(shape)).reshape(shape) % 5).astype(np.int32)


def test_an_operation_is_one_undo_and_one_redo(runner, qtbot):
    layer = Labels(numbers())
    runner.run(layer, lambda labels: np.where(labels == 3, 4, labels))
    settle(runner, qtbot)
    assert 3 not in layer.data
    layer.undo()
    assert np.array_equal(layer.data, numbers())
    layer.redo()
    assert np.array_equal(layer.data, np.where(numbers() == 3, 4, numbers()))


def test_undo_goes_through_paint_and_operations_in_order(runner, qtbot):
    layer = Labels(numbers())
    layer.paint((2, 2), 7)
    painted = layer.data.copy()
    runner.run(layer, lambda labels: labels + 1)
    settle(runner, qtbot)
    layer.undo()
    assert np.array_equal(layer.data, painted)
    layer.undo()
    assert np.array_equal(layer.data, numbers())


def test_only_the_chosen_part_is_seen_and_changed(runner, qtbot):
    layer = Labels(numbers((3, 4, 5)))
    part = (slice(1, 2), slice(0, 4), slice(0, 5))
    runner.run(layer, lambda labels: labels + 1, part)
    settle(runner, qtbot)
    expected = numbers((3, 4, 5))
    expected[1] += 1
    assert np.array_equal(layer.data, expected)
    layer.undo()
    assert np.array_equal(layer.data, numbers((3, 4, 5)))


def test_operations_queue_and_replace_their_kind(runner, qtbot):
    layer = Labels(np.zeros((4, 4), np.int32))
    gate = threading.Event()

    def first(labels):
        gate.wait(10)
        return labels + 1

    runner.run(layer, first)
    runner.run(layer, lambda labels: labels + 100, replaces="slider")
    runner.run(layer, lambda labels: labels + 10)
    runner.run(layer, lambda labels: labels + 1000, replaces="slider")
    gate.set()
    settle(runner, qtbot)
    assert np.all(layer.data == 1011)


def test_paint_during_an_operation_is_not_lost(runner, qtbot):
    layer = Labels(np.ones((4, 4), np.int32))
    at_work, gate = threading.Event(), threading.Event()

    def slow(labels):
        at_work.set()
        gate.wait(10)
        return np.where(labels == 1, 2, labels)

    runner.run(layer, slow)
    assert at_work.wait(10)
    layer.data_setitem((np.array([1]), np.array([1])), 9)
    gate.set()
    settle(runner, qtbot)
    expected = np.full((4, 4), 2)
    expected[1, 1] = 9
    assert np.array_equal(layer.data, expected)


def test_nothing_to_change_leaves_no_undo_step(runner, qtbot):
    layer = Labels(numbers())
    layer.paint((2, 2), 7)
    with qtbot.waitSignal(runner.applied) as applied:
        runner.run(layer, lambda labels: labels)
    assert applied.args == [layer, None]
    settle(runner, qtbot)
    layer.undo()
    assert np.array_equal(layer.data, numbers())


def test_a_refused_operation_changes_nothing(runner, qtbot, notifications):
    def refuse(labels):
        raise InputError("There is no class 9.")

    layer = Labels(numbers())
    with qtbot.waitSignal(runner.refused):
        runner.run(layer, refuse)
    settle(runner, qtbot)
    assert notifications == [("warning", "There is no class 9.")]
    assert np.array_equal(layer.data, numbers())


def locked():
    layer = Labels(numbers())
    layer.editable = False
    return layer


def read_only():
    data = numbers()
    data.flags.writeable = False
    return Labels(data)


def lazy():
    dask_array = pytest.importorskip("dask.array")
    return Labels(dask_array.zeros((8, 8), dtype=np.int32))


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (locked, "locked"),
        (read_only, "layer.data.copy"),
        (lazy, "np.array"),
        (lambda: Labels([numbers((64, 64)), numbers((32, 32))]), "multiscale"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_advice(make, advice):
    with pytest.raises(InputError, match=advice):
        check_editable(make())


def test_the_history_holds_the_packed_edit_alone(runner, qtbot):
    layer = Labels(np.zeros((256, 256), np.int32))
    seen = []
    layer.events.paint.connect(
        lambda event: seen.append((event.value, layer.data.copy()))
    )
    runner.run(layer, lambda labels: labels + 1)
    settle(runner, qtbot)
    (((_, before, _),), data) = seen[0]
    assert len(seen) == 1
    assert before.nbytes < 1000
    assert (data == 1).all()  # whoever listens finds the edit done


def test_where_the_history_cannot_be_packed_an_edit_is_still_one_undo(
    runner, qtbot, monkeypatch
):
    layer = Labels(numbers())
    layer.brush_size = 1
    layer.paint((2, 2), 7)
    painted = layer.data.copy()
    monkeypatch.setattr(layer.events.paint, "connect", lambda *_, **__: None)
    monkeypatch.setattr(layer.events.paint, "disconnect", lambda _: None)
    runner.run(layer, lambda labels: np.where(labels == 3, 4, labels))
    settle(runner, qtbot)
    assert np.array_equal(layer.data, np.where(painted == 3, 4, painted))
    layer.undo()
    assert np.array_equal(layer.data, painted)
    layer.undo()
    assert np.array_equal(layer.data, numbers())

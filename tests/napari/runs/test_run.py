"""Work in threads that overlap."""

import threading
import warnings

import numpy as np
import pytest
from qtpy.QtCore import QObject

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.napari.runs.run import Failed, Notice, Refused, RunQueue
from tests.napari.driving import wait_for_threads


class Work:
    """Warns of NaN pixels in an image of its own when it may begin; then ends."""

    def __init__(self, image):
        self.image = image
        self.begun, self.may_warn, self.may_end = (threading.Event() for _ in range(3))

    def steps(self, should_cancel):
        yield "begun"
        self.begun.set()
        self.may_warn.wait(10)
        Normalization.fit(self.image, "rgb")
        yield "warned"
        self.may_end.wait(10)
        return "done"


@pytest.fixture
def queues(viewer, qtbot):
    parent = QObject()
    yield RunQueue(parent), RunQueue(parent)
    wait_for_threads(qtbot)


@pytest.mark.window
@pytest.mark.filterwarnings("default")
def test_work_that_overlaps_leaves_no_trace_and_mixes_no_warnings(queues, qtbot):
    image = np.arange(64.0, dtype=np.float32).reshape(1, 8, 8)
    with_one, with_two = image.copy(), image.copy()
    with_one[0, 0, :1] = with_two[0, 0, :2] = np.nan
    works = Work(with_one), Work(with_two)
    said = [], []
    for queue, messages in zip(queues, said, strict=True):
        queue.reported.connect(messages.append)
    before = warnings.showwarning, list(warnings.filters)

    for queue, work in zip(queues, works, strict=True):
        queue.start(work.steps)
        qtbot.waitUntil(work.begun.is_set)
    for work in works:
        work.may_warn.set()
    qtbot.waitUntil(lambda: all("warned" in m for m in said))
    for queue, work in zip(queues, works, strict=True):  # the first one ends first
        work.may_end.set()
        qtbot.waitUntil(lambda queue=queue: not queue.is_running)

    assert (warnings.showwarning, list(warnings.filters)) == before
    told = [
        [m.text[:8] for m in messages if isinstance(m, Notice)] for messages in said
    ]
    assert told == [["1 pixels"], ["2 pixels"]]


def test_a_stop_before_the_thread_begins_reaches_the_work(queues, qtbot):
    queue, _ = queues
    ended = []
    queue.ended.connect(ended.append)

    def work(should_cancel):
        while not should_cancel():
            if (yield) == "stop":
                return "stopped"

    queue.start(work)
    queue.stop_and_keep()
    qtbot.waitUntil(lambda: ended == ["stopped"])
    queue.start(work)
    queue.cancel()
    queue.start(work)  # waits for the thread of the cancelled work
    queue.stop_and_keep()
    qtbot.waitUntil(lambda: ended == ["stopped", "stopped"])


def test_errors_are_values_and_nothing_is_heard_of_cancelled_work(queues, qtbot):
    queue, _ = queues
    ended = []
    queue.ended.connect(ended.append)

    def refuse(_):
        raise InputError("too small")

    def fail(_):
        yield
        raise RuntimeError("no memory")

    queue.start(refuse)
    queue.cancel()
    queue.start(refuse)
    qtbot.waitUntil(lambda: ended == [Refused("too small")])
    queue.start(fail)
    qtbot.waitUntil(lambda: len(ended) == 2)
    assert isinstance(ended[1], Failed)
    assert ended[1].text == "no memory"

"""Generators run inside each other."""

import pytest

from napari_mmtseg.errors import Cancelled
from napari_mmtseg.progress import drain, relay


class Work:
    """Yields 0, 1, 2...; knows what it was sent and whether it was closed."""

    def __init__(self):
        self.answers, self.is_closed = [], False

    def steps(self, n=3):
        try:
            for number in range(n):
                self.answers.append((yield number))
            return "result"
        finally:
            self.is_closed = True


def test_messages_replace_steps_and_the_value_is_returned():
    result = []

    def outer():
        result.append((yield from relay(Work().steps(), lambda n: ["x"] * n)))

    assert list(outer()) == ["x", "x", "x"]  # none for 0, one for 1, two for 2
    assert result == ["result"]


def test_an_answer_to_any_message_of_a_step_reaches_the_work():
    work = Work()
    relayed = relay(work.steps(), lambda n: [n, n])
    assert next(relayed) == 0
    assert relayed.send("stop") == 0
    assert relayed.send(None) == 1
    assert work.answers == ["stop"]
    relayed.close()


def test_a_stop_before_the_work_began_reaches_every_step():
    work = Work()
    assert list(relay(work.steps(), lambda n: [n], stop=True)) == [0, 1, 2]
    assert work.answers == ["stop", "stop", "stop"]


def test_answers_are_kept_for_the_caller():
    answers = []
    relayed = relay(Work().steps(), lambda n: [n], answers=answers)
    next(relayed)
    relayed.send("stop")
    assert list(relayed) == [2]
    assert answers == ["stop"]


def test_closing_closes_the_work():
    work = Work()
    relayed = relay(work.steps(), lambda n: [n])
    next(relayed)
    assert not work.is_closed
    relayed.close()
    assert work.is_closed


def test_an_error_in_a_message_closes_the_work():
    work = Work()
    with pytest.raises(ZeroDivisionError):
        list(relay(work.steps(), lambda n: [1 // n]))
    assert work.is_closed


def test_drain_returns_the_value_or_cancels():
    work = Work()
    assert drain(work.steps()) == "result"
    with pytest.raises(Cancelled):
        drain(work.steps(), lambda: True)

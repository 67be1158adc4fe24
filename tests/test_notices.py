"""Remarks of the core: warnings, or texts in a list of the thread that asked."""

import linecache
import threading
import warnings

import numpy as np
import pytest

import napari_mmtseg
from napari_mmtseg.notices import collected_notices, topics_once, warn


def say(text):
    warn(text)


def line_of(caught):
    assert caught[0].filename == __file__
    return linecache.getline(__file__, caught[0].lineno).strip()


def test_a_warning_is_at_the_line_that_called_the_package():
    image = np.random.default_rng(0).integers(0, 99, (32, 32, 4)).astype(np.uint8)
    nothing = image[..., 0].astype(float)
    nothing[:2] = np.nan
    hot = np.tile(image[..., 0].astype(float), (4, 4))
    hot[5::30, 7::30] = 60000
    for text, pixels in ("alpha", image), ("NaN", nothing), ("hot", hot):
        with pytest.warns(UserWarning, match=text) as caught:
            napari_mmtseg.fit(pixels, preset="fast", n_steps=1, n_labels=2)
        assert line_of(caught).startswith("napari_mmtseg.fit(")


def test_a_place_in_the_source_is_heard_once():
    with collected_notices() as notices:
        for i in range(3):
            warn(f"slice {i}")
        warn("other")
    with collected_notices(notices):
        say("more")
    assert notices == ["slice 0", "other", "more"]


def test_collectors_are_of_their_thread_and_leave_nothing_behind():
    before = warnings.showwarning, list(warnings.filters)
    heard = {}
    both = threading.Barrier(2)

    def work(name):
        with collected_notices() as heard[name]:
            both.wait(10)
            warn(name)
            both.wait(10)

    threads = [threading.Thread(target=work, args=[name]) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {"a": ["a"], "b": ["b"]}
    assert (warnings.showwarning, list(warnings.filters)) == before
    with pytest.warns(UserWarning, match="after"):
        warn("after")


@topics_once
def run(n):
    warn("begins", topic="pixels")
    return steps(n)


def steps(n):
    for i in range(n):
        answer = yield i
        warn(f"step {i}, {answer}", topic="pixels")
        warn(f"other {i}, {answer}", topic="others")
        warn(f"no topic, {i}")
    yield from (run(1) if n > 1 else ())
    return "done"


def test_a_topic_is_heard_once_in_a_run_and_in_the_next_again():
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            work = run(2)
            next(work)
            work.send("yes")
            assert list(work) == [0]  # a run inside of it is a part of it
        heard = [str(warning.message) for warning in caught]
        assert heard[:2] == ["begins", "other 0, yes"]
        assert heard[2:] == ["no topic, 0", "no topic, 1", "no topic, 0"]
    with pytest.warns(UserWarning, match="after"):
        warn("after", topic="pixels")

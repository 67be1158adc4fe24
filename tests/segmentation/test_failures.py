"""Memory that runs out and a graphics card that fails, in the middle of the work."""

import numpy as np
import pytest

import napari_mmtseg as mm
from napari_mmtseg.engine.network import ResponseNetwork
from tests.segmentation.test_stack import QUICK, drained, squares

FAST = {**QUICK, "n_steps": 4, "warm_start_steps": 2}

FAILURES = [
    (
        MemoryError("Unable to allocate 3. GiB"),
        r"Memory ran out \(Unable .* device=cpu",
    ),
    (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "Memory ran out"),
    (
        RuntimeError("CUDA error: an illegal memory access was encountered\nhint"),
        r"card has failed \(CUDA error: an illegal .* encountered\)\. Start",
    ),
]


class Failing:
    """Lets networks fail once they have worked a number of times."""

    def __init__(self, monkeypatch, name, error, n=0, once=False):
        self.n_left, self._error = n, error
        is_over = False
        self._work = getattr(ResponseNetwork, name)

        def work(network, *args, **kwargs):
            nonlocal is_over
            self.n_left -= 1
            if self.n_left < 0 and not is_over:
                is_over = once
                raise self._error
            return self._work(network, *args, **kwargs)

        monkeypatch.setattr(ResponseNetwork, name, work)


@pytest.mark.parametrize(("error", "message"), FAILURES)
@pytest.mark.parametrize("work", [mm.segment, mm.fit])
def test_a_failure_in_training_says_what_to_do(monkeypatch, work, error, message):
    Failing(monkeypatch, "forward", error, n=3)
    with pytest.raises(mm.InputError, match=message) as raised:
        work(squares(1)[0][0], device="cpu", **FAST)
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [error for error, _ in FAILURES[1:]])
@pytest.mark.parametrize("n", [0, 3])
def test_a_graphics_card_that_fails_is_done_without(monkeypatch, error, n):
    image = squares(1)[0][0]
    expected = mm.segment(image, device="cpu", **FAST)
    model = mm.fit(image, device="cpu", **FAST)
    for work in (mm.segment, mm.fit):
        failing = Failing(monkeypatch, "forward", error, n, once=True)
        with pytest.warns(UserWarning, match="begins again on the processor"):
            found = work(image, **FAST)
        assert failing.n_left < 0
        if work is mm.fit:
            assert found.settings.device == "cpu"
            np.testing.assert_array_equal(found.labels(image), model.labels(image))
        else:
            np.testing.assert_array_equal(found, expected)


def test_errors_of_another_kind_stay_what_they_are(monkeypatch):
    Failing(monkeypatch, "forward", RuntimeError("a mistake of ours"))
    with pytest.raises(RuntimeError, match=r"^a mistake of ours$"):
        mm.segment(squares(1)[0][0], **FAST)


@pytest.mark.parametrize(("error", "message"), FAILURES)
@pytest.mark.parametrize("mode", ["one_model", "slice_by_slice"])
def test_slices_that_are_done_are_kept(monkeypatch, mode, error, message):
    image, _ = squares(6)
    steps = mm.iter_segment(image, stack=mode, **FAST)
    step = next(s for s in steps if s.phase == "prediction" and s.n_done == 2)
    assert step.n_slices == 6
    for name in ("forward", "cluster_map"):
        Failing(monkeypatch, name, error)
    with pytest.warns(UserWarning, match=message):
        result, _ = drained(steps)
    n_done = int((result.labels.reshape(6, -1) > 0).all(1).sum())
    assert n_done >= 2
    assert not result.labels[n_done:].any()
    assert result.is_partial
    assert result.stop_reason == f"ended by an error after {n_done} of 6 slices"

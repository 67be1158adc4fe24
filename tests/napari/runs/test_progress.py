"""How far a stack is, in words."""

import pytest

from napari_mmtseg.napari.runs import progress as slice_clock
from napari_mmtseg.napari.runs.progress import SliceClock
from napari_mmtseg.progress import SegmentationStep


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(slice_clock.time, "monotonic", lambda: now[0])
    slices = SliceClock()

    def say(seconds, **step):
        now[0] = 100.0 + seconds
        phase = step.pop("phase", "prediction")
        return slices.describe(SegmentationStep(phase, 40, 40, **step))

    return say


def test_slices_per_second(clock):
    assert clock(0, n_done=0, n_slices=60) == "Slice 1 of 60"
    said = clock(1.25, n_done=10, n_slices=60, fraction=10 / 60)
    assert said == "Slice 11 of 60, 8 slices per second, 6 s left"
    said = clock(20, n_done=20, n_slices=60, fraction=20 / 60)
    assert said == "Slice 21 of 60, 1.0 slices per second, 40 s left"
    assert "writing" in clock(60, n_done=60, n_slices=60, fraction=1.0)


def test_slices_that_take_long(clock):
    clock(0, phase="warm start", n_done=1, n_slices=100)
    said = clock(100, phase="warm start", n_done=2, n_slices=100)
    assert said == "Slice 3 of 100, training, 2.7 h left"


def test_a_large_image(clock):
    assert clock(0, fraction=0.1) == "Labelling: 10%"
    assert clock(10, fraction=0.3) == "Labelling: 30%, 35 s left"


def test_volumes():
    volumes = SliceClock("volume")
    said = volumes.describe(SegmentationStep("prediction", 1, 1, n_done=1, n_slices=3))
    assert said == "Volume 2 of 3"

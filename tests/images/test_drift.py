import numpy as np
import pytest

from napari_mmtseg.images.drift import brightness_drift
from napari_mmtseg.images.stack import ImageStack


def movie(factors, offsets=None):
    rng = np.random.default_rng(0)
    cells = np.where(rng.random((12, 12)) < 0.3, 800, 60).repeat(6, 0).repeat(6, 1)
    offsets = [100] * len(factors) if offsets is None else offsets
    frames = [
        offset + cells * factor + rng.normal(0, 10, cells.shape)
        for factor, offset in zip(factors, offsets, strict=True)
    ]
    return np.stack(frames).astype(np.uint16)


@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
@pytest.mark.parametrize("end", [0.1, 0.4, 4.0])
def test_bleaching_is_found(axes, end):
    factors = np.geomspace(1, end, 8)
    axis, ratio = brightness_drift(ImageStack.of(movie(factors), axes=axes))
    assert axis == axes[0]
    assert ratio == pytest.approx(end, rel=0.5)  # noise adds to the contrast


def test_a_rising_background_is_found():
    offsets = np.linspace(100, 2000, 8)
    assert brightness_drift(ImageStack.of(movie([1] * 8, offsets))) is not None


@pytest.mark.parametrize(
    "factors",
    [[1] * 8, [1, 0.3, 1, 0.4, 1, 0.3, 1, 0.3], [1, 0.5]],
    ids=["none", "to and fro", "two frames"],
)
def test_other_stacks_do_not_drift(factors):
    assert brightness_drift(ImageStack.of(movie(factors))) is None


def test_empty_frames_are_no_drift():
    stack = movie([1] * 8)
    stack[4:] = 0
    assert brightness_drift(ImageStack.of(stack)) is None

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn computes the Rand index")

from benchmarks.stability import brighter, with_noise


def test_noise_has_one_percent_of_the_range():
    image = np.tile(np.array([0, 200], np.uint8), (100, 100))
    changed = with_noise(image)
    assert changed.dtype == np.uint8
    difference = changed.astype(float) - image
    # What falls below 0 is clipped, so only the bright half tells.
    assert difference[image == 200].std() == pytest.approx(2, rel=0.05)
    np.testing.assert_array_equal(changed, with_noise(image))


def test_brightness_is_clipped():
    assert brighter(np.array([0, 100, 250], np.uint8)).tolist() == [0, 110, 255]
    np.testing.assert_allclose(brighter(np.array([0.0, 0.5, 1.0])), [0, 0.55, 1])

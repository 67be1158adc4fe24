"""Linear discriminants, at one scale and at several together."""

import numpy as np
import pytest

from napari_mmtseg.labels.discriminant import Discriminant


def test_two_classes_are_divided_halfway_whatever_their_sizes():
    rng = np.random.default_rng(0)
    few, many = rng.normal(0, 1, (50, 1)), rng.normal(10, 1, (5000, 1))
    model = Discriminant.fit([few.astype("f4"), many.astype("f4")])
    features = np.linspace(0, 10, 101, dtype=np.float32).reshape(1, 1, -1)
    probabilities = model.probabilities(features)
    np.testing.assert_allclose(probabilities.sum(0), 1, rtol=1e-5)
    border = features[0, 0, np.argmax(probabilities[1, 0] > 0.5)]
    assert border == pytest.approx((few.mean() + many.mean()) / 2, abs=0.11)


def test_one_pixel_of_each_class_is_enough():
    model = Discriminant.fit([np.zeros((1, 3), "f4"), np.ones((1, 3), "f4")])
    assert np.isfinite(model.probabilities(np.ones((3, 2, 2), np.float32))).all()


def test_scales_see_the_first_features_alone_and_count_alike():
    rng = np.random.default_rng(0)
    samples = [rng.normal(m, 1, (200, 3)).astype("f4") for m in ((0, 0, 0), (4, 0, 9))]
    both = Discriminant.fit(samples, [1, 3])
    alone = [
        Discriminant.fit([s[:, :1] for s in samples]),
        Discriminant.fit(samples),
    ]
    features = rng.normal(3, 4, (3, 5, 7)).astype("f4")
    expected = [
        d.probabilities(features[:n]) for d, n in zip(alone, (1, 3), strict=True)
    ]
    np.testing.assert_allclose(both.probabilities(features), np.mean(expected, 0), 1e-4)
    swapped = both.reordered(np.array([1, 0])).probabilities(features)
    np.testing.assert_allclose(swapped, both.probabilities(features)[::-1], 1e-5)

import numpy as np

from napari_mmtseg.images.features import FeatureBank


def test_features_are_standardised_and_restored():
    image = np.random.default_rng(0).normal(3, 2, (2, 40, 50)).astype(np.float32)
    bank, (features,) = FeatureBank.fit([image])
    assert len(features) == bank.n_features(2)
    np.testing.assert_allclose(features.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(features.std(axis=(1, 2)), 1, atol=1e-4)
    restored = FeatureBank.from_dict(
        {"scales": bank.scales, "center": bank.center, "spread": bank.spread}
    )
    np.testing.assert_array_equal(restored.apply(image), features)


def test_the_halo_covers_the_reach():
    rng = np.random.default_rng(0)
    image = rng.normal(0, 1, (1, 60, 200)).astype(np.float32)
    bank, (features,) = FeatureBank.fit([image])
    part = bank.apply(image[:, :, : 100 + bank.halo])
    np.testing.assert_allclose(part[:, :, :100], features[:, :, :100], atol=1e-4)


def test_a_flat_image_has_flat_features():
    bank, (features,) = FeatureBank.fit([np.zeros((1, 20, 20), np.float32)])
    assert not features.any()
    assert bank.spread == (1.0,) * 13

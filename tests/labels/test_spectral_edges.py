import numpy as np
import pytest
from threadpoolctl import threadpool_info

from napari_mmtseg.labels import spectral_edges as module
from napari_mmtseg.labels.spectral_edges import spectral_edges


def stripes_beside_grey(height=64, width=96):
    """Fine stripes of black and white left, one grey right, in one channel."""
    image = np.zeros((1, height, width), np.float32)
    image[0, :, : width // 2 : 4] = image[0, :, 1 : width // 2 : 4] = 1.5
    image[0, :, 2 : width // 2 : 4] = image[0, :, 3 : width // 2 : 4] = -1.5
    noise = np.random.default_rng(0).normal(0, 0.05, image.shape)
    return image + noise.astype(np.float32)


def test_the_border_of_a_texture_is_stronger_than_its_stripes():
    edges = spectral_edges(stripes_beside_grey())
    columns = edges.mean(axis=0)
    border, stripes = columns[44:53].max(), columns[8:36]
    assert border > 3 * stripes.max()
    assert border > 3 * columns[60:88].max()


def test_noisy_halves_part_at_their_border():
    image = np.where(np.arange(80) < 30, -1, 1)[np.newaxis].repeat(60, 0)
    noise = np.random.default_rng(1).normal(0, 0.3, image.shape)
    edges = spectral_edges((image + noise).astype(np.float32)[np.newaxis])
    columns = edges.mean(axis=0)
    assert abs(int(columns.argmax()) - 30) <= 2
    assert columns[29:31].min() > 3 * np.median(columns)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 7, 40), (1, 20, 20), (2, 33, 71)])
def test_any_shape_and_a_flat_image_give_finite_edges(shape):
    rng = np.random.default_rng(2)
    for image in (np.zeros(shape), rng.normal(size=shape), rng.random(shape) > 0.5):
        edges = spectral_edges(image.astype(np.float32))
        assert edges.shape == shape[1:]
        assert np.isfinite(edges).all()


def test_a_large_image_is_looked_at_in_small_and_comes_back_whole():
    large = stripes_beside_grey(300, 601)
    edges = spectral_edges(large)
    assert edges.shape == large.shape[1:]
    assert abs(int(edges.mean(axis=0).argmax()) - 300) <= 9


def test_the_same_image_gives_the_same_edges():
    image = stripes_beside_grey()
    np.testing.assert_array_equal(spectral_edges(image), spectral_edges(image))


def test_cuts_are_computed_by_one_thread_whatever_the_machine_has(monkeypatch):
    def blas_threads():
        pools = [p for p in threadpool_info() if p["user_api"] == "blas"]
        return [pool["num_threads"] for pool in pools]

    seen = []
    eigh = module.eigh

    def watched(*args, **kwargs):
        seen.extend(blas_threads())
        return eigh(*args, **kwargs)

    monkeypatch.setattr(module, "eigh", watched)
    before = blas_threads()
    spectral_edges(np.random.default_rng(0).random((1, 40, 40), dtype=np.float32))
    assert set(seen) <= {1}
    assert len(seen) == len(before)
    assert blas_threads() == before

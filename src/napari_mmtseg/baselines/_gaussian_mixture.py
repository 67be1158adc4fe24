"""Gaussian mixture of pixel values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.baselines._method import clustering
from napari_mmtseg.baselines._pixels import Pixels
from napari_mmtseg.baselines._scikit_learn import (
    count_distinct,
    one_thread,
    sample_rows,
)

N_COMPONENTS = 8
COVARIANCES = ("full", "tied", "diag", "spherical")
_SMALLEST_VARIANCE = 1e-6
_ROWS_AT_ONCE = 2**18


@clustering(covariance_type=COVARIANCES)
def gaussian_mixture(
    pixels: Pixels, n_labels: int | None, seed: int, *, covariance_type: str = "full"
) -> NDArray[np.intp]:
    """Give every pixel to the likeliest of several Gaussians over its values [1]_.

    Needs scikit-learn. The mixture is fitted by expectation maximisation from a k-means
    start to at most 100 000 random pixels.

    Parameters
    ----------
    seed : int
        Of the sample and of the start.
    n_labels : int, optional
        Number of classes; 8 without it. If a component ends up without a pixel of its
        own, more are fitted and the most similar ones merged.
    covariance_type : {"full", "tied", "diag", "spherical"}
        Shape of the Gaussians.

    References
    ----------
    .. [1] Dempster, Laird, Rubin, "Maximum likelihood from incomplete data via the EM
           algorithm", Journal of the Royal Statistical Society B 39, 1977.
    """
    n_components = n_labels or N_COMPONENTS
    rows = pixels.rows()
    sample = sample_rows(rows, seed)
    n_distinct = count_distinct(rows, 2 * n_components)
    if count_distinct(sample, n_components) < min(n_components, n_distinct):
        sample = np.unique(rows, axis=0)
    best = np.zeros(len(rows), np.intp)
    fits = range(min(n_components, n_distinct), min(2 * n_components, n_distinct) + 1)
    for n in fits:
        clusters = _cluster(rows, sample, n, seed, covariance_type)
        found = len(np.unique(clusters))
        if found > len(np.unique(best)):
            best = clusters
        if n_labels is None or found >= min(n_labels, n_distinct):
            break
    return best.reshape(pixels.shape)


def _cluster(
    rows: NDArray[np.float32],
    sample: NDArray[np.float32],
    n_components: int,
    seed: int,
    covariance_type: str,
) -> NDArray[np.intp]:
    from sklearn.mixture import GaussianMixture

    class Mixture(GaussianMixture):  # type: ignore[misc]
        """Does not warn if its likelihood still grows a little after 100 rounds."""

        converged_ = property(lambda self: True, lambda self, value: None)

    model = Mixture(
        n_components,
        covariance_type=covariance_type,
        reg_covar=_SMALLEST_VARIANCE,
        random_state=seed,
    )
    with one_thread():
        model.fit(sample.astype(np.float64))
        clusters = [
            model.predict(part.astype(np.float64))
            for part in np.array_split(rows, -(-len(rows) // _ROWS_AT_ONCE))
        ]
    return np.concatenate(clusters)

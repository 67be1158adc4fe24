"""Graph-based segmentation."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.segmentation import felzenszwalb as graph_based

from napari_mmtseg.baselines._pixels import (
    Pixels,
    checked,
    checked_number,
    number_clusters,
    warn_of_few,
)

__all__ = ["felzenszwalb"]


def felzenszwalb(
    image: ArrayLike,
    *,
    channel_axis: int | None = None,
    seed: int = 0,
    n_labels: int | None = None,
    scale: float = 1000.0,
    sigma: float = 0.8,
    min_size: int = 50,
) -> NDArray[np.int32]:
    """Grow regions along a graph of neighbouring pixels [1]_, as scikit-image does.

    Parameters
    ----------
    image : array-like
        As for :func:`napari_mmtseg.segment`; its range is scaled to 0-1, what
        :func:`skimage.segmentation.felzenszwalb` expects.
    channel_axis : int, optional
        Axis of the channels.
    seed : int
        Changes nothing: there is no chance in this method.
    n_labels : int, optional
        Regions of similar colour are grouped until so many classes are left; without it
        every region has a label of its own.
    scale : float
        Higher gives larger regions.
    sigma : float
        Standard deviation in pixels of the blur that comes first.
    min_size : int
        Smallest region in pixels.

    Returns
    -------
    (Y, X) ndarray of int32
        Labels 1..k from dark to bright.

    Raises
    ------
    InputError
        If the image or a parameter cannot be used.

    References
    ----------
    .. [1] Felzenszwalb, Huttenlocher, "Efficient graph-based image segmentation",
           International Journal of Computer Vision 59, 2004.
    """
    checked(seed=seed, n_labels=n_labels)
    scale = checked_number(float, "scale", scale)
    sigma = checked_number(float, "sigma", sigma, maximum=1000)
    min_size = checked_number(int, "min_size", min_size)
    pixels = Pixels.read(image, channel_axis)
    with warnings.catch_warnings():
        # Of more than three channels it asks whether they are meant. They are.
        warnings.simplefilter("ignore", RuntimeWarning)
        regions = graph_based(
            np.moveaxis(pixels.values, 0, -1),
            scale=scale,
            sigma=sigma,
            min_size=min_size,
            channel_axis=-1,
        )
    labels = number_clusters(regions, pixels, n_labels)
    warn_of_few(labels, n_labels, "felzenszwalb")
    return labels

"""Graph-based segmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb as graph_based

from napari_mmtseg.baselines._method import clustering
from napari_mmtseg.baselines._pixels import Pixels


@clustering(scale=(0, 10**9), sigma=(0, 1000), min_size=(0, 10**9))
def felzenszwalb(
    pixels: Pixels,
    n_labels: int | None,
    seed: int,
    *,
    scale: float = 1000.0,
    sigma: float = 0.8,
    min_size: int = 50,
) -> NDArray[np.intp]:
    """Grow regions along a graph of neighbouring pixels [1]_, as scikit-image does.

    The range of the image is scaled to 0-1, as
    :func:`skimage.segmentation.felzenszwalb` expects.

    Parameters
    ----------
    seed : int
        Changes nothing: the method has no random part.
    n_labels : int, optional
        Regions of similar colour are grouped until this many classes are left; without
        it every region has a label of its own.
    scale : float
        Higher gives larger regions.
    sigma : float
        Standard deviation in pixels of the blur that comes first.
    min_size : int
        Smallest region in pixels.

    References
    ----------
    .. [1] Felzenszwalb, Huttenlocher, "Efficient graph-based image segmentation",
           International Journal of Computer Vision 59, 2004.
    """
    image = np.moveaxis(pixels.values, 0, -1).view(_Channels)
    regions: NDArray[np.intp] = graph_based(
        image, scale=scale, sigma=sigma, min_size=min_size, channel_axis=-1
    )
    return regions


class _Channels(np.ndarray[Any, Any]):
    """An image (Y, X, C) that gives at most 3 as the number of its channels.

    With more, scikit-image asks by a warning whether they are meant. They are, and to
    silence it takes a filter of the whole process, which other threads would lose. It
    works on a plain array made of this one, with all channels.
    """

    @property  # type: ignore[misc]
    def shape(self) -> Any:
        *sides, n_channels = np.asarray(self).shape
        return (*sides, min(n_channels, 3))

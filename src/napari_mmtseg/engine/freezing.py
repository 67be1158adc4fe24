"""What training ended with, turned into what a model knows of its classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_mmtseg.engine.classes import ChannelClasses
from napari_mmtseg.engine.consensus import Consensus
from napari_mmtseg.engine.known_classes import KnownClasses
from napari_mmtseg.engine.sight import Sight
from napari_mmtseg.engine.training import Trained
from napari_mmtseg.features import Texture
from napari_mmtseg.normalization import Normalization
from napari_mmtseg.region_labels import region_means
from napari_mmtseg.settings import SegmentationSettings

__all__ = ["freeze_classes"]


def freeze_classes(
    trained: Trained,
    images: Sequence[Tensor],
    normalization: Normalization,
    texture: Texture,
    settings: SegmentationSettings,
    plain: Sequence[NDArray[np.float32]],
) -> KnownClasses:
    """Freeze trained peers and measure the classes that they tell apart.

    Parameters
    ----------
    trained : Trained
        What training ended with.
    images : sequence of Tensor, (1, C, Y, X)
        The images that it was trained on.
    normalization, texture : Normalization, Texture
        How they were made.
    settings : SegmentationSettings
        `min_labels` and `merge_threshold` decide how many classes are kept.
    plain : sequence of (C, Y, X) ndarray
        The normalised images without texture.
    """
    consensus = Consensus.freeze(trained.networks, images, settings.max_labels)
    seen = [image[0].cpu().numpy() for image in images]
    clusters = [consensus.cluster_map(image) for image in images]
    averaged_classes = None
    if texture.weight and consensus.n_dims == 2:
        averaged = [
            region_means(image, consensus.probabilities(view), view)
            for image, view in zip(plain, seen, strict=True)
        ]
        averaged_classes = ChannelClasses.measure(
            [response.argmax(0) for response, _ in averaged],
            [view for _, view in averaged],
            settings,
        )
    return KnownClasses(
        Sight(consensus, normalization, texture),
        ChannelClasses.measure(clusters, seen, settings),
        averaged_classes,
    )

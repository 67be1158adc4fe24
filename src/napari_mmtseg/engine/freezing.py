"""What training ended with, turned into what a model knows of its classes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from napari_mmtseg.engine.classes import ChannelClasses
from napari_mmtseg.engine.consensus import Consensus
from napari_mmtseg.engine.known_classes import KnownClasses
from napari_mmtseg.engine.sight import Sight
from napari_mmtseg.engine.training import Trained
from napari_mmtseg.images.features import Texture
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["freeze_classes"]


def freeze_classes(
    trained: Trained,
    images: Sequence[Tensor],
    normalization: Normalization,
    texture: Texture,
    settings: SegmentationSettings,
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
    """
    consensus = Consensus.freeze(trained.networks, images, settings.max_labels)
    seen = [image[0].cpu().numpy() for image in images]
    clusters = [consensus.cluster_map(image) for image in images]
    return KnownClasses(
        Sight(consensus, normalization, texture),
        ChannelClasses.measure(clusters, seen, settings),
    )

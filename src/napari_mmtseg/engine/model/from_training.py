"""From trained networks to a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_mmtseg.engine.device import repeatable
from napari_mmtseg.engine.examples import to_working_size
from napari_mmtseg.engine.model.classes import Readout
from napari_mmtseg.engine.model.consensus import Consensus
from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel
from napari_mmtseg.engine.model.found_classes import FoundClasses
from napari_mmtseg.engine.model.inference import Inference
from napari_mmtseg.engine.model.painted_classes import PaintedClasses
from napari_mmtseg.engine.model.readouts import PixelReadout
from napari_mmtseg.engine.training import Example, Trained
from napari_mmtseg.images.illumination import Illumination
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.texture import AnyTexture
from napari_mmtseg.labels.discriminant import Discriminant
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.images.features import FeatureBank


def readout_from_training(
    trained: Trained,
    images: Sequence[Tensor],
    normalization: Normalization,
    texture: AnyTexture,
    settings: SegmentationSettings,
    automatic: int,
) -> Readout:
    """Return trained networks and the classes that they distinguish.

    `images` (1, C, [Z,] Y, X) are those of the training; `automatic` is the class count
    unless it is set.
    """
    with repeatable(settings.threads):
        consensus = Consensus.from_training(
            trained.networks, images, settings.max_labels
        )
    seen = [image[0].cpu().numpy() for image in images]
    clusters = [consensus.cluster_map(image) for image in images]
    return Readout(
        Inference(consensus, normalization, texture),
        PixelReadout(FoundClasses.measure(clusters, seen, settings, automatic)),
    )


def model_from_training(
    trained: Trained,
    examples: Sequence[Example],
    normalization: Normalization,
    texture: AnyTexture | FeatureBank,
    settings: SegmentationSettings,
    plain: Sequence[NDArray[np.float32]],
    targets: Sequence[NDArray[np.int32]],
    values: NDArray[np.int32],
    groups: NDArray[np.bool_],
    readout: str,
    illumination: Illumination,
    guess: Discriminant | None = None,
    region_weight: float = 1.0,
) -> MutualMeanTeachingModel:
    """Return a model of the classes of scribbles.

    `plain` are the normalised images (C, Y, X), `targets` the first guess of the class
    of every pixel (Y, X): its classes are measured. Every class has a label in `values`
    (k,) and its response channels in `groups` (k, q). `readout`, `guess` and
    `region_weight` are as in :class:`PaintedClasses`.
    """
    images = [example.image for example in examples]
    with repeatable(settings.threads):
        consensus = Consensus.from_training(
            trained.networks, images, settings.max_labels, aligned=True
        )
    seen = [image[0].cpu().numpy() for image in images]
    small = [
        to_working_size(image, max(view.shape[1:]))
        for image, view in zip(plain, seen, strict=True)
    ]
    classes = [
        enlarge(target, view.shape[1:])
        for target, view in zip(targets, seen, strict=True)
    ]
    clusters = [e.start.cpu().numpy() for e in examples if e.start is not None]
    found = FoundClasses.measure(clusters, small, settings)
    painted = PaintedClasses.measure(values, groups, classes, small, readout)
    painted = replace(painted, guess=guess, region_weight=region_weight)
    inference = Inference(consensus, normalization, texture, illumination)
    return MutualMeanTeachingModel(
        Readout(inference, PixelReadout(found), painted=painted), settings
    )

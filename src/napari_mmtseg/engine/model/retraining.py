"""Training from scribbles: examples, and peers that start from a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from napari_mmtseg.engine.examples import edge_weights, to_working_size
from napari_mmtseg.engine.losses import PaintedPixels
from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel
from napari_mmtseg.engine.model.image_view import ImageView
from napari_mmtseg.engine.model.painted_classes import channels_of_classes
from napari_mmtseg.engine.peer import Peer
from napari_mmtseg.engine.training import Example, n_peers
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.labels.scribbles import painted_places
from napari_mmtseg.settings.fields import SegmentationSettings

Labels = NDArray[np.int32]


@torch.inference_mode(False)
def make_scribble_examples(
    views: Sequence[ImageView],
    targets: Sequence[Labels],
    scribbles: Sequence[Labels],
    k: int,
    settings: SegmentationSettings,
    device: torch.device,
    model: MutualMeanTeachingModel | None,
) -> tuple[list[Example], NDArray[np.bool_]]:
    """Return an example for every view, and the channels (k, q) of every class.

    `targets` (Y, X) are the first guess of the class of every pixel of a view, 0..k-1;
    `scribbles` (Y, X), at any size, are painted classes, 1..k, and 0 elsewhere.
    Training starts from the networks of `model`.
    """
    size, q = settings.working_size, settings.max_labels
    seen = [to_working_size(view.seen, size) for view in views]
    classes = [
        enlarge(target, small.shape[1:])
        for target, small in zip(targets, seen, strict=True)
    ]
    starts = [c.astype(np.int64) for c in classes]
    groups = np.eye(k, q, dtype=bool)
    if model is not None:
        responses = [model.inference.consensus.probabilities(small) for small in seen]
        groups = channels_of_classes([r.argmax(0) for r in responses], classes, q, k)
        starts = [
            np.where(np.moveaxis(groups[c], -1, 0), response, -1).argmax(0)
            for response, c in zip(responses, classes, strict=True)
        ]
    used = torch.from_numpy(groups.any(0)).to(device)
    examples = []
    for view, small, start, drawn in zip(views, seen, starts, scribbles, strict=True):
        plain = to_working_size(view.image, size)
        examples.append(
            Example(
                image=torch.from_numpy(small)[None]
                .to(device)
                .contiguous(memory_format=torch.channels_last),
                weights=edge_weights(plain, settings.edge_scale, device),
                start=torch.from_numpy(start).to(device),
                used=used,
                painted=_painted_pixels(
                    drawn, small.shape[1:], groups, settings.scribble_weight, device
                ),
            )
        )
    return examples, groups


def _painted_pixels(
    scribbles: Labels,
    shape: tuple[int, ...],
    groups: NDArray[np.bool_],
    weight: float,
    device: torch.device,
) -> PaintedPixels | None:
    places, values, _ = painted_places(scribbles, shape)
    if not len(places):
        return None
    # Every painted class counts the same, however long its strokes are.
    counts = np.bincount(values)
    weights = weight / (np.count_nonzero(counts) * counts[values])
    return PaintedPixels(
        torch.from_numpy(places).to(device),
        torch.from_numpy(groups[values - 1]).to(device),
        torch.from_numpy(weights.astype(np.float32)).to(device),
    )


@torch.inference_mode(False)
def resumed_peers(
    model: MutualMeanTeachingModel,
    examples: Sequence[Example],
    groups: NDArray[np.bool_],
    settings: SegmentationSettings,
    device: torch.device,
) -> tuple[Peer, ...]:
    """Return peers that start as the networks of a model.

    A channel unused so far starts as a copy of the one that most pixels of its class
    have now: from nothing it would take many steps to rise.
    """
    networks = model.inference.consensus.copies()
    copied = _channels_to_copy(model, examples, groups)
    students = networks[: n_peers(settings)]
    if len(students) < n_peers(settings):
        students += model.inference.consensus.copies()
    for student in students:
        for layer in list(student.layers)[-2:]:
            for parameter in layer.parameters():
                parameter.data = parameter.data[torch.from_numpy(copied)]
    return tuple(
        Peer(student.to(device), settings.learning_rate, settings.momentum)
        for student in students
    )


def _channels_to_copy(
    model: MutualMeanTeachingModel,
    examples: Sequence[Example],
    groups: NDArray[np.bool_],
) -> NDArray[np.intp]:
    """Return for every channel the one that it starts as."""
    q = groups.shape[1]
    counts = np.zeros((q, q))
    for example in examples:
        now = model.inference.consensus.cluster_map(example.image)
        assert example.start is not None
        pairs = example.start.cpu().numpy() * q + now
        counts += np.bincount(pairs.ravel(), minlength=q * q).reshape(q, q)
    unused = (counts.sum(0) == 0) & counts.any(1)
    return np.where(unused, counts.argmax(1), np.arange(q))

"""Previews of labels during training and while a stack is labelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.stack import LARGE
from napari_mmtseg.images.texture import AnyTexture
from napari_mmtseg.labels.region_finding import averaged_hierarchy, find_regions
from napari_mmtseg.labels.region_merging import RegionMerging
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.segmentation.structure import Structure
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.peer import Peer
    from napari_mmtseg.engine.training import Example, TrainingStep

Labels = NDArray[np.int32]

Preview = tuple[Labels, tuple[int, ...]]
"""Labels, and the position of their frame in the stack."""

Shown = Callable[[], tuple[tuple[int, ...], NDArray[Any]] | None]
"""Returns the position and the raw pixels of the frame that previews show."""

PREVIEW_SIDE = 2048
"""Longest side of a preview in pixels."""


def preview_step(shape: Sequence[int]) -> int:
    """Return the step between the pixels of a frame that a preview shows."""
    return -(-max(shape) // PREVIEW_SIDE)


class SlicePreviews:
    """Labels of finished slices; every n-th finished pixel of large ones.

    `shape` is that of a frame, `interval` the seconds between previews of an unfinished
    slice. There are none with None, and none of large volumes.
    """

    def __init__(self, shape: Sequence[int], interval: float | None) -> None:
        self._shape = tuple(shape)
        if len(shape) > 2 and np.prod(shape, dtype=np.int64) > LARGE:
            interval = None  # as large as the labels themselves
        self._interval = interval
        self._step = preview_step(shape)
        # Zeros that are never written take no memory.
        self._small = np.zeros([-(-n // self._step) for n in shape], np.int32)
        self._next = 0.0

    def take(
        self, window: Sequence[slice], labels: NDArray[np.int32]
    ) -> NDArray[np.int32] | None:
        """Add the labels of a window of the frame; return a preview if it is due."""
        if self._interval is None:
            return None
        if self._step == 1 and labels.shape == self._shape:
            return labels
        n = self._step
        first = [-w.start % n for w in window]
        every = labels[tuple(slice(f, None, n) for f in first)]
        starts = [(w.start + f) // n for w, f in zip(window, first, strict=True)]
        at = zip(starts, every.shape, strict=True)
        self._small[tuple(slice(s, s + length) for s, length in at)] = every
        now = time.perf_counter()
        last = all(w.stop == n for w, n in zip(window, self._shape, strict=True))
        if now < self._next and not last:
            return None
        self._next = now + self._interval
        return self._small.copy()


def first_image_previews(
    example: Example,
    structure: Structure,
    settings: SegmentationSettings,
    shape: tuple[int, ...],
    automatic: int,
) -> Callable[[TrainingStep], Preview | None]:
    """Return previews of the labels that the targets of the first image would give."""
    from napari_mmtseg.engine.model.found_classes import FoundClasses

    image = example.image[0].cpu().numpy()
    averaged: tuple[NDArray[np.int64], RegionMerging] | None = None

    def of_regions(clusters: NDArray[Any]) -> Labels:
        nonlocal averaged
        averaged = averaged or averaged_hierarchy(image)
        channels = np.arange(settings.max_labels)[:, np.newaxis, np.newaxis]
        responses, n = (clusters == channels).astype(np.float32), settings.n_labels or 1
        regions, alike = find_regions(
            image, responses, settings.region_threshold, n, hierarchy=averaged
        )
        if settings.output == "regions":
            return (regions + 1).astype(np.int32)
        groups = alike.groups(settings.n_labels or alike.automatic)
        return (groups + 1).astype(np.int32)[regions]

    def preview(progress: TrainingStep) -> Preview | None:
        if progress.example != 0:
            return None
        clusters = progress.targets.cpu().numpy()
        if structure.merging == "regions":
            labels = of_regions(clusters)
        else:
            classes = FoundClasses.measure([clusters], [image], settings, automatic)
            labels = classes.numbers(settings.n_labels)[clusters]
        return enlarge(labels, shape), ()

    return preview


def shown_previews(
    peer: Peer,
    normalization: Normalization,
    texture: AnyTexture,
    settings: SegmentationSettings,
    shown: Shown,
    automatic: int,
) -> Callable[[TrainingStep], Preview | None]:
    """Return previews of a teacher's labels of a frame, not only a training image."""
    from napari_mmtseg.engine.examples import to_working_size
    from napari_mmtseg.engine.model.found_classes import FoundClasses

    network = peer.student if settings.teaching == "self" else peer.teacher
    last: NDArray[Any] | None = None
    small: NDArray[np.float32]

    def preview(_: TrainingStep) -> Preview | None:
        nonlocal last, small
        found = shown()
        if found is None:
            return None
        index, image = found
        if last is not image:
            seen = texture.apply(normalization.of(image).apply(image))
            small = to_working_size(seen, settings.working_size)
            last = image
        clusters = network.cluster_map(small)
        classes = FoundClasses.measure([clusters], [small], settings, automatic)
        labels = classes.numbers(settings.n_labels)[clusters]
        return enlarge(labels, image.shape[1:]), index

    return preview

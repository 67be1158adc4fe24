"""Previews of a stack that is being labelled, slice by slice or block by block."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.features import Texture
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.stack import LARGE
from napari_mmtseg.labels.region_finding import averaged_hierarchy, find_regions
from napari_mmtseg.labels.region_merging import RegionMerging
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.segmentation.structure import Structure
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.peer import Peer
    from napari_mmtseg.engine.training import Example, TrainingStep

__all__ = ["PREVIEW_SIDE", "Preview", "Shown", "SlicePreviews", "preview_step"]

PREVIEW_SIDE = 2048
"""Longest side of a preview in pixels."""


def preview_step(shape: Sequence[int]) -> int:
    """Return n where a preview of a frame shows every n-th of its pixels."""
    return -(-max(shape) // PREVIEW_SIDE)


class SlicePreviews:
    """Labels of finished slices; of large ones every n-th pixel of what is done.

    Large volumes have no previews.

    Parameters
    ----------
    shape : sequence of int
        Of a frame.
    interval : float or None
        Seconds between previews of a slice that is not done yet; no previews at all
        with None.
    """

    def __init__(self, shape: Sequence[int], interval: float | None) -> None:
        self._shape = tuple(shape)
        if len(shape) > 2 and np.prod(shape, dtype=np.int64) > LARGE:
            interval = None  # as large as the labels themselves
        self._interval = interval
        self._step = preview_step(shape)
        # What is not written takes no memory.
        self._small = np.zeros([-(-n // self._step) for n in shape], np.int32)
        self._next = 0.0

    def take(
        self, window: Sequence[slice], labels: NDArray[np.int32]
    ) -> NDArray[np.int32] | None:
        """Return the preview that is due after some labels have come.

        Parameters
        ----------
        window : sequence of slice
            Where in the frame they belong.
        labels : ndarray of int32
            One for every pixel of the window.
        """
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


Labels = NDArray[np.int32]


Preview = tuple[Labels, tuple[int, ...]]


Shown = Callable[[], tuple[tuple[int, ...], NDArray[Any]] | None]


class _Previews:
    """What the labels that are being learned on the first image would come to."""

    def __init__(
        self,
        example: Example,
        structure: Structure,
        settings: SegmentationSettings,
        shape: tuple[int, ...],
    ) -> None:
        self._shape = shape
        self._image = example.image[0].cpu().numpy()
        self._merges_regions = structure.merging == "regions"
        self._settings = settings

    @cached_property
    def _hierarchy(self) -> tuple[NDArray[np.int64], RegionMerging]:
        return averaged_hierarchy(self._image)

    def __call__(self, progress: TrainingStep) -> Preview | None:
        if progress.example != 0:
            return None
        return enlarge(self._labels(progress), self._shape), ()

    def _labels(self, progress: TrainingStep) -> Labels:
        from napari_mmtseg.engine.model.found_classes import FoundClasses

        settings = self._settings
        clusters = progress.targets.cpu().numpy()
        if not self._merges_regions:
            classes = FoundClasses.measure([clusters], [self._image], settings)
            labels: Labels = classes.numbers(settings.n_labels)[clusters]
            return labels
        channels = np.arange(settings.max_labels)[:, np.newaxis, np.newaxis]
        regions, alike = find_regions(
            self._image,
            (clusters == channels).astype(np.float32),
            settings.region_threshold,
            settings.n_labels or 1,
            hierarchy=self._hierarchy,
        )
        if settings.output == "regions":
            return (regions + 1).astype(np.int32)
        groups = alike.groups(settings.n_labels or alike.automatic)
        return (groups + 1).astype(np.int32)[regions]


class _ShownPreviews:
    """What a teacher makes of an image that need not be one that it is trained on."""

    def __init__(
        self,
        peer: Peer,
        normalization: Normalization,
        texture: Texture,
        settings: SegmentationSettings,
        shown: Shown,
    ) -> None:
        self._network = peer.student if settings.teaching == "self" else peer.teacher
        self._normalization = normalization
        self._texture = texture
        self._settings = settings
        self._shown = shown
        self._last: NDArray[Any] | None = None
        self._small: NDArray[np.float32]

    def __call__(self, progress: TrainingStep) -> Preview | None:
        from napari_mmtseg.engine.examples import to_working_size
        from napari_mmtseg.engine.model.found_classes import FoundClasses

        shown = self._shown()
        if shown is None:
            return None
        index, image = shown
        if self._last is not image:
            normalization = self._normalization.of(image)
            seen = self._texture.apply(normalization.apply(image))
            self._small = to_working_size(seen, self._settings.working_size)
            self._last = image
        small = self._small
        clusters = self._network.cluster_map(small)
        classes = FoundClasses.measure([clusters], [small], self._settings)
        labels = classes.numbers(self._settings.n_labels)[clusters]
        return enlarge(labels, image.shape[1:]), index

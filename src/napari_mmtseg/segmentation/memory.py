"""Estimate of the memory that a segmentation takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.store import free_disk, free_memory, goes_to_disk
from napari_mmtseg.settings.fields import SegmentationSettings

_BASE = 3e8
"""Bytes that training and the tiles of a prediction take, whatever the image."""

_PER_PIXEL = 40
"""Bytes per pixel of a frame that is segmented as a whole, and as many per channel."""

_PER_BLOCK_PIXEL = 16
"""Bytes per pixel and channel of the block of a large frame that is read at once."""

_BLOCK = 2048**2


@dataclass(frozen=True)
class MemoryEstimate:
    """Memory that a segmentation takes besides the image, in bytes.

    Attributes
    ----------
    total : int
        Largest use of memory, without files on disk.
    labels : int
        Size of the labels and of the clusters that they are made from.
    on_disk : bool
        Whether labels and clusters go to a temporary file.
    free : int
        Free memory now.
    free_on_disk : int
        Free room for temporary files now.
    """

    total: int
    labels: int
    on_disk: bool
    free: int
    free_on_disk: int

    @property
    def fits(self) -> bool:
        """Whether memory and disk are large enough."""
        room = not self.on_disk or self.labels <= self.free_on_disk
        return self.total <= self.free and room

    def describe(self) -> str:
        """Return the estimate as a sentence."""
        need = f"About {_words(self.total)} of memory, {_words(self.free)} free"
        if self.on_disk:
            need += f"; labels ({_words(self.labels)}) go to a file on disk"
            if self.labels > self.free_on_disk:
                need += f", which has {_words(self.free_on_disk)} free"
        return f"{need}."


def estimate_memory(
    stack: ImageStack, settings: SegmentationSettings
) -> MemoryEstimate:
    """Estimate the memory that a segmentation of an image or a stack takes.

    Measured on images of several sizes and rounded up; memory of libraries and of a GPU
    is not included.

    Parameters
    ----------
    stack : ImageStack
        The image.
    settings : SegmentationSettings
        All settings.
    """
    n_pixels = int(np.prod(stack.shape, dtype=np.int64))
    # Leaves (1 byte) and labels (4 bytes); either may go to disk.
    labels = 5 * n_pixels
    on_disk = not stack.is_one_image and goes_to_disk(
        4 * n_pixels, settings.memory_share
    )
    frame = stack.first
    if frame.is_large:
        at_once = min(frame.n_pixels, _BLOCK) * _PER_BLOCK_PIXEL * frame.shape[0]
        at_once *= 2  # the next block is read meanwhile
    else:
        at_once = frame.n_pixels * _PER_PIXEL * (1 + frame.shape[0])
    trained = frame.n_pixels
    if not stack.is_one_image:
        trained = min(settings.crop_size**2, trained) * settings.n_crops
    total = _BASE + at_once + trained * 12 * frame.shape[0] + labels * (not on_disk)
    return MemoryEstimate(int(total), labels, on_disk, free_memory(), free_disk())


def _words(n_bytes: float) -> str:
    if n_bytes < 1e9:
        return f"{max(round(n_bytes / 1e6), 1)} MB"
    return f"{n_bytes / 1e9:.1f} GB"

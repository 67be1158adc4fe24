"""Clusters of every pixel of a stack or a large image, found part by part."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.lazy import ChunkCache, block_sides, chunk_edges
from napari_mmtseg.images.stack import Frame, ImageStack, Location
from napari_mmtseg.images.tiles import Tile, relative_to, tiles
from napari_mmtseg.progress import relay
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.classes import Readout

_BLOCK = 2048
"""Side in pixels of the block of a large frame that is read at once."""


@dataclass(frozen=True)
class ClusterPart:
    """Clusters of every pixel of a part of a stack.

    With it, `n_done` frames are complete and `fraction` of the stack is done.
    """

    location: Location
    clusters: NDArray[np.uint8] = field(repr=False)
    n_done: int
    fraction: float


def stack_clusters(
    known: Readout, stack: ImageStack, settings: SegmentationSettings, out: Any = None
) -> Generator[ClusterPart | float, None, None]:
    """Find the clusters of every frame, those of large frames in blocks.

    Blocks end where the chunks of `out` do, the array to which the labels go. Yields
    parts, and the share of the stack that is done within one.
    """
    n = stack.n_frames
    units = [
        _chunk_lengths(array, letters, stack)
        for array, letters in ((out, stack.label_axes), (stack.array, stack.axes))
    ]
    stack = _reading_once(stack)
    for number, index in enumerate(stack.indices()):
        frame = stack.frame(index)
        if not frame.is_large:
            for part in _frame_clusters(known, frame, settings):
                if isinstance(part, float):
                    yield (number + part) / n
                else:
                    place = stack.whole(index)
                    yield ClusterPart(place, part, number + 1, (number + 1) / n)
            continue
        here = known.for_image(frame)
        frame = replace(frame, illumination=here.inference.illumination)
        done = 0
        for block, held in _read_ahead(frame, _blocks(known, frame, units)):
            clusters = np.empty([s.stop - s.start for s in block.core], np.uint8)
            for tile, part in here.cluster_tiles(held, block.core, settings.tile_size):
                clusters[relative_to(block.core, tile.core)] = part
                done += part.size
                yield (number + done / frame.n_pixels) / n
            share = done / frame.n_pixels
            place = Location(index, block.core)
            n_done = number + (share == 1)
            yield ClusterPart(place, clusters, n_done, (number + share) / n)


def _frame_clusters(
    known: Readout, frame: Frame, settings: SegmentationSettings
) -> Generator[float | NDArray[np.uint8], Any, None]:
    """Yield fractions, and finally the clusters of a frame that is not large."""
    channels = frame.read()
    finding = known.for_image(channels).find(channels, settings)
    hierarchy = yield from relay(finding, lambda share: [min(float(share), 1.0)])
    clusters = hierarchy.clusters
    if hierarchy.merging == "regions":
        # Every frame has regions of its own, but the same classes.
        clusters = hierarchy.label_of_cluster()[clusters] - 1
    yield clusters.astype(np.uint8)


class _Held:
    """A part of a frame that has been read, indexed like the frame."""

    def __init__(self, frame: Frame, around: tuple[slice, ...]) -> None:
        self.shape, self.dtype = frame.shape, frame.dtype
        self._around = around
        self._pixels = frame[(slice(None), *around)]

    def __getitem__(self, window: tuple[slice, ...]) -> NDArray[Any]:
        return self._pixels[(window[0], *relative_to(self._around, window[1:]))]


def _chunk_lengths(
    array: Any, letters: str, stack: ImageStack
) -> tuple[int, ...] | None:
    """Return the chunk lengths along the axes of a frame, None if unknown."""
    edges = None if array is None else chunk_edges(array)
    if edges is None:
        return None
    named = zip(letters, edges, strict=True)
    return tuple(int(np.diff(e).max()) for a, e in named if a in stack.frame_axes)


def _reading_once(stack: ImageStack) -> ImageStack:
    """Return the stack with a cache for chunks that frames or blocks share."""
    edges = chunk_edges(stack.array)
    if edges is None:
        return stack
    shared = any(
        len(e) - 1 < n
        for a, e, n in zip(stack.axes, edges, stack.array.shape, strict=True)
        if a not in stack.frame_axes + "CS"
    )
    if not shared and not stack.first.is_large:
        return stack
    return replace(stack, array=ChunkCache(stack.array, edges))


def _blocks(
    known: Readout, frame: Frame, units: Sequence[Sequence[int] | None]
) -> list[Tile]:
    shape, halo = frame.shape[1:], known.inference.halo
    side = _BLOCK if len(shape) == 2 else _BLOCK // 8
    return list(tiles(shape, block_sides(shape, units, side, halo), halo))


def _read_ahead(frame: Frame, blocks: Sequence[Tile]) -> Iterator[tuple[Tile, _Held]]:
    """Read the next block while the last one is processed."""
    with ThreadPoolExecutor(1, "mmtseg-read") as reader:
        coming: Future[_Held] = reader.submit(_Held, frame, blocks[0].around)
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            held = coming.result()
            if following is not None:
                coming = reader.submit(_Held, frame, following.around)
            yield block, held

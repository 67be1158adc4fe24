"""Training crops that represent a whole stack or large image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.light_field import Part, part_of, whole
from napari_mmtseg.images.stack import Frame, ImageStack, Location

_CANDIDATES = 3
"""Candidates that are read for each crop that is taken."""

_QUANTILES = (0.02, 0.25, 0.5, 0.75, 0.98)


@np.errstate(over="ignore", invalid="ignore")
def sample_crops(
    stack: ImageStack,
    n_crops: int,
    side: int,
    check_cancel: Callable[[], None] = lambda: None,
) -> list[Part]:
    """Read crops that are spread over a stack and show all that is in it.

    Half of them lie evenly over the frames and over the plane of each. The other half
    is chosen from more candidates: each time the one that differs most from all taken
    before (farthest-point sampling; Gonzalez, Theoretical Computer Science 38, 1985),
    so that rare things are learned, too. Only the candidates are read. The same stack
    gives the same crops.

    Crops are `side` pixels high and wide, if a frame is larger; volumes are cut to
    cubes with as many voxels. `check_cancel` is called before every crop is read. The
    crop with most variance comes first, since the first decides on texture.
    """
    windows = _windows(stack, n_crops, side)
    n_even = -(-n_crops // 2) if len(windows) > n_crops else len(windows)
    places = np.unique(np.linspace(0, len(windows) - 1, n_even).round().astype(int))

    def read(window: Window) -> Part:
        check_cancel()
        index, place = window
        pixels = np.array(stack.frame(index)[(slice(None), *place)])
        return part_of(pixels, place, stack.first.shape)

    taken = [read(windows[i]) for i in places]
    if len(taken) < n_crops:
        others = [read(w) for i, w in enumerate(windows) if i not in places]
        taken = _with_farthest(taken, others, n_crops)
    return sorted(taken, key=lambda crop: -float(_finite(crop.pixels[:1]).var()))


def sample_frame(frame: Frame, n: int = 16, side: int = 256) -> list[Part]:
    """Read a frame, or about `n` spread crops of `side` pixels of a large one."""
    if not frame.is_large:
        return [whole(frame.read())]
    windows = _grid(frame, n, side)
    return [part_of(frame[(slice(None), *w)], w, frame.shape) for w in windows]


Window = tuple[tuple[int, ...], tuple[slice, ...]]


def _windows(stack: ImageStack, n_crops: int, side: int) -> list[Window]:
    """Return the candidates frame by frame; they cover a small stack."""
    n = _CANDIDATES * n_crops
    at = np.unique(np.linspace(0, stack.n_frames - 1, n + 2).round().astype(int)[1:-1])
    each = -(-n // len(at))
    indices = [tuple(map(int, np.unravel_index(i, stack.lead))) for i in at]
    windows = [(i, w) for i in indices for w in _grid(stack.frame(i), each, side)]
    if stack.area is None:
        return windows
    inside = [(i, w) for i, w in windows if stack.shows(Location(i, w))]
    if inside:
        return inside
    # The area lies between them: a window around its first pixel.
    return [_around(stack, side)]


def _side(shape: Sequence[int], side: int) -> int:
    """Return the side of a window; that of a volume has as many pixels as a plane's."""
    return round(side ** (2 / 3)) if len(shape) == 3 else side


def _around(stack: ImageStack, side: int) -> Window:
    """Return a window around a pixel of the area of a stack."""
    assert stack.area is not None
    pixel = np.unravel_index(int(np.argmax(stack.area)), stack.area.shape)
    at = dict(zip(stack.label_axes, map(int, pixel), strict=True))
    index = tuple(at[a] for a in stack.label_axes if a not in stack.frame_axes)
    shape = stack.first.shape[1:]
    side = _side(shape, side)
    starts = [
        min(max(at[a] - side // 2, 0), max(n - side, 0))
        for a, n in zip(stack.frame_axes, shape, strict=True)
    ]
    ends = [min(start + side, n) for start, n in zip(starts, shape, strict=True)]
    return index, tuple(map(slice, starts, ends))


def _grid(frame: Frame, n: int, side: int) -> list[tuple[slice, ...]]:
    """Return about n evenly spaced windows of a frame, or as many as fit."""
    shape = frame.shape[1:]
    side = _side(shape, side)
    sizes = np.minimum(shape, side)
    most = np.ceil(np.array(shape) / side).astype(int)
    cells = (np.array(shape) / max(shape) * n ** (1 / len(shape))).round().astype(int)
    counts = np.clip(cells, 1, most)
    for _ in range(n):
        # Rounding makes too few if a frame is long and thin.
        if counts.prod() >= min(n, most.prod()):
            break
        counts[np.argmax(np.where(counts < most, most / counts, 0))] += 1
    starts = [
        np.clip((np.arange(k) + 0.5) * length / k - size / 2, 0, length - size)
        for k, length, size in zip(counts, shape, sizes, strict=True)
    ]
    grids = np.meshgrid(*starts, indexing="ij")
    return [
        tuple(
            slice(round(float(s)), round(float(s)) + int(size))
            for s, size in zip(corner, sizes, strict=True)
        )
        for corner in zip(*(g.ravel() for g in grids), strict=True)
    ]


_MOST_LOOK = 1e150
"""Larger values have squares that are no numbers."""


def _with_farthest(taken: Sequence[Part], others: Sequence[Part], n: int) -> list[Part]:
    crops = [*taken, *others]
    looks = np.stack([_look(crop.pixels) for crop in crops])
    spread = looks.std(axis=0)
    looks = looks / np.where(spread > 0, spread, 1)
    chosen = list(range(len(taken)))
    while len(chosen) < min(n, len(crops)):
        distances = ((looks[:, np.newaxis] - looks[chosen]) ** 2).sum(-1).min(1)
        distances[chosen] = -1
        chosen.append(int(distances.argmax()))
    return [crops[i] for i in chosen]


def _look(crop: NDArray[Any]) -> NDArray[np.float64]:
    """Return quantiles of the values of a crop and of their differences."""
    values = _finite(crop)
    step = np.abs(np.diff(values, axis=-1))
    parts = [
        np.quantile(v.reshape(len(crop), -1), _QUANTILES, 1) for v in (values, step)
    ]
    looks: NDArray[np.float64] = np.concatenate(parts).ravel()
    return looks.clip(-_MOST_LOOK, _MOST_LOOK)


def _finite(crop: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(crop.astype(np.float64), posinf=0, neginf=0)

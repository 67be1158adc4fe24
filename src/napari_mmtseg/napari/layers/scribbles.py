"""Scribbles of a Labels layer on the chosen slice or stack."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.source import LayerSelection

_MAX_OTHERS = 15
"""Other slices that are learned from, at most: those with the most paint."""


@dataclass(frozen=True)
class LayerScribbles:
    """Painted pixels of an image, and of other slices of the same stack.

    `name` is that of the painted layer. `painted` is (..., Y, X), 0 for no paint;
    `erased`, of the same shape, marks pixels of an edited result that stay background.
    """

    name: str
    painted: NDArray[np.int32] = field(repr=False)
    others: tuple[tuple[LayerSelection, NDArray[np.int32]], ...] = ()
    erased: NDArray[np.bool_] | None = field(default=None, repr=False)

    @property
    def values(self) -> set[int]:
        """Painted classes."""
        values = [np.unique(p) for p in (self.painted, *(p for _, p in self.others))]
        return set(np.concatenate(values).tolist()) - {0}


def choose_scribbles(
    name: str, labels: Any, source: LayerSelection, *, all_slices: bool = False
) -> LayerScribbles:
    """Return the scribbles on the image to segment, and with `all_slices` on others.

    `labels` have one entry for every pixel of the layer of the image, without its
    channels, or for the chosen pixels alone; they are copied. Raises InputError if they
    do not lie on the image or nothing is painted; the message contains `name`.
    """
    names = source.axes.split()
    axes = [i for i, axis in enumerate(names) if axis not in ("C", "RGB")]
    stack = tuple(int(source.array.shape[i]) for i in axes)
    here = tuple(source.index[i] for i in axes)
    chosen = tuple(source.lengths.values())
    is_stack = tuple(labels.shape) == stack
    painted = _painted(labels, source, stack, here)
    if painted is None:
        raise InputError(
            f"“{name}” has the shape {tuple(labels.shape)}, which does not lie on "
            f"“{source.name}”: scribbles need {_accepted(stack, chosen)}. Add a Labels "
            "layer while the image is selected."
        )
    others = []
    cut = [i for i, index in enumerate(here) if not isinstance(index, slice)]
    if is_stack and all_slices and cut:
        for place in _painted_places(labels, cut):
            index: list[int | slice] = list(here)
            for axis, at in zip(cut, place, strict=True):
                index[axis] = at
            if tuple(index) != here:
                whole = list(source.index)
                for axis, position in zip(axes, index, strict=True):
                    whole[axis] = position
                there = replace(source, index=tuple(whole))
                others.append((there, _values(labels[tuple(index)])))
    scribbles = LayerScribbles(name, painted, tuple(others))
    if not scribbles.values:
        where = " on this slice" if is_stack and cut and not all_slices else ""
        where += " in this area" * bool(source.crop)
        raise InputError(
            f"Nothing is painted in “{name}”{where}. Paint a few strokes of every "
            "class with the brush, or choose no scribbles."
        )
    return scribbles


def _painted(
    labels: Any,
    source: LayerSelection,
    stack: tuple[int, ...],
    here: tuple[int | slice, ...],
) -> NDArray[np.int32] | None:
    """Return the labels on the chosen image; None if they do not lie on it."""
    shape, chosen = tuple(labels.shape), tuple(source.lengths.values())
    if shape == stack:
        return _values(labels[here])
    if shape in (chosen, source.place.shape):
        return _values(labels).reshape(chosen)
    # Of the chosen slices in their full height and width.
    full = tuple(source.full_plane.get(a, n) for a, n in source.lengths.items())
    named = zip(source.place.axes, source.place.shape, strict=True)
    if shape in (full, tuple(source.full_plane.get(a, n) for a, n in named)):
        window_of = {name: slice(*ends) for name, ends in source.crop.items()}
        window = tuple(window_of.get(a, slice(None)) for a in source.lengths)
        return _values(np.reshape(labels, full)[window])
    return None


def _accepted(stack: tuple[int, ...], chosen: tuple[int, ...]) -> str:
    if stack == chosen:
        return f"{stack}"
    part = "for one slice" if len(chosen) < len(stack) else "for the area"
    return f"{stack} or, {part}, {chosen}"


def _values(labels: Any) -> NDArray[np.int32]:
    values = np.array(labels)
    if values.dtype != np.int32 and values.size and values.max() > 2**31 - 1:
        raise InputError("Label values of scribbles go up to 2147483647.")
    return values.astype(np.int32)


def _painted_places(labels: Any, cut: list[int]) -> list[tuple[int, ...]]:
    """Return the positions along the cut axes with the most paint."""
    kept = [axis for axis in range(len(labels.shape)) if axis not in cut]
    amount = np.asarray((labels != 0).sum(axis=tuple(kept)))
    places = np.argsort(-amount, axis=None, kind="stable")[: _MAX_OTHERS + 1]
    indices = (np.unravel_index(p, amount.shape) for p in places if amount.flat[p])
    return [tuple(int(i) for i in index) for index in indices]

"""Area of an image that has a label in a Labels layer, or has not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.area import Area
from napari_mmtseg.napari.layers.source import LayerSelection


def area_of_labels(
    whole: LayerSelection, layer: Labels, label: int, *, is_outside: bool
) -> Area:
    """Return the inside or outside of a label, of any label if it is 0.

    The layer has one entry for every pixel of the image, without its channels, or for
    one plane, which counts for all slices; `whole` is the image without a crop. Raises
    InputError if it does not lie on the image, or nothing is left.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    index, lengths = _laid(layer.name, tuple(data.shape), whole)
    values = np.asarray(data[index]).reshape(tuple(lengths.values()))
    painted = values == label if label else values != 0
    what = f"label {label}" if label else "any label"
    if not painted.any():
        raise InputError(
            f"No pixel of the image has {what} in “{layer.name}”. Choose another "
            "label, or paint the area."
        )
    crop, part = None, ""
    if is_outside:
        painted = ~painted
        if not painted.any():
            raise InputError(
                f"Nothing lies outside {what} of “{layer.name}”. Choose another label."
            )
    else:
        names = list(lengths)
        crop = _around(painted, names.index("Y")), _around(painted, names.index("X"))
        of = dict(zip("YX", crop, strict=True))
        window = tuple(of.get(name, slice(None)) for name in names)
        painted, part = painted[window].copy(), subscript(window)
    level = "[0]" * layer.multiscale
    where = "" if all(i == slice(None) for i in index) else subscript(index)
    labels = f"np.asarray(napari.current_viewer().layers[{layer.name!r}].data{level}"
    inside = f"== {label}" if label else "!= 0"
    whole_plane = f"{labels}{where}).reshape({tuple(lengths.values())})"
    return Area(
        name=f"{'outside' if is_outside else 'inside'} {what} of “{layer.name}”",
        crop=crop,
        is_outside=is_outside,
        painted=painted,
        code=f"{'~' * is_outside}({whole_plane}{part} {inside})",
        about={"layer": layer.name, "outside": is_outside, "label": label or None},
    )


def _laid(
    name: str, shape: tuple[int, ...], whole: LayerSelection
) -> tuple[tuple[int | slice, ...], dict[str, int]]:
    """Return what to take of labels, and the length of every axis of that."""
    names = whole.axes.split()
    axes = [i for i, axis in enumerate(names) if axis not in ("C", "RGB")]
    stack = tuple(int(whole.array.shape[i]) for i in axes)
    chosen, plane = whole.lengths, whole.full_plane
    everything = (slice(None),) * len(shape)
    if shape == stack:
        return tuple(whole.index[i] for i in axes), chosen
    if shape in (tuple(chosen.values()), whole.place.shape):
        return everything, chosen
    in_order = {axis: plane[axis] for axis in chosen if axis in plane}
    if tuple(n for n in shape if n > 1) == tuple(in_order.values()):
        return everything, in_order
    raise InputError(
        f"“{name}” has the shape {shape}, which does not lie on “{whole.name}”: an "
        f"area needs {stack} or {tuple(in_order.values())}. Add a Labels layer while "
        "the image is selected."
    )


def _around(painted: NDArray[np.bool_], axis: int) -> slice:
    """Return the part along an axis that holds all painted pixels."""
    others = tuple(i for i in range(painted.ndim) if i != axis)
    along = np.flatnonzero(painted.any(axis=others))
    return slice(int(along[0]), int(along[-1]) + 1)


def subscript(index: Sequence[int | slice]) -> str:
    """Return an index as Python code."""
    return f"[{', '.join(_entry(i) for i in index)}]"


def _entry(index: int | slice) -> str:
    if isinstance(index, int):
        return str(index)
    ends = (index.start, index.stop)
    return ":".join("" if end is None else str(end) for end in ends)

"""Changes of a Labels layer that one undo takes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias
from weakref import ref

import numpy as np
from napari.utils.events import Event
from numpy.typing import DTypeLike, NDArray

from napari.layers import Labels, Layer
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.editing.undo import LabelEdit
from napari_mmtseg.napari.layers.class_names import (
    all_numbers,
    class_names,
    renumbered,
    with_name,
)

Change: TypeAlias = Callable[[Labels], None]
"""Something that an edit does to a layer beside its labels."""


def check_editable(layer: Labels) -> None:
    """Raise InputError if the data of a layer cannot be changed in place.

    Refused are multiscale or locked layers, and data other than a writable NumPy array.
    """
    if layer.multiscale:
        raise InputError(
            f"“{layer.name}” is multiscale, which napari cannot edit. Make a layer of "
            "one level: viewer.add_labels(np.asarray(layer.data[0]))."
        )
    data = layer.data
    if not isinstance(data, np.ndarray):
        kind = type(data).__module__.partition(".")[0]
        raise InputError(
            f"“{layer.name}” holds {kind} data, which is edited on disk or not at all. "
            "Bring it into memory first: layer.data = np.array(layer.data)."
        )
    if not data.flags.writeable:
        raise InputError(
            f"“{layer.name}” is read-only. Copy it: layer.data = layer.data.copy()."
        )
    if not layer.editable:
        raise InputError(
            f"“{layer.name}” cannot be edited now: it is locked or still being made."
        )


def apply_edit(
    layer: Labels,
    edit: LabelEdit,
    numbers: Mapping[int, int] | None = None,
    kept: tuple[Change, Change] | None = None,
) -> bool:
    """Change the layer's data in place, as one step of its undo history.

    `numbers` is the new label of every old one if classes have got other labels: names
    and other features follow, and come back with undo. `kept` is what else undo takes
    back in the layer, and what the edit does. Returns False, and changes nothing, if
    the labels are no longer those that the edit was made from.
    """
    # Of another shape, too, if the layer has been given smaller data.
    if not np.array_equal(layer.data[edit.index], edit.old):
        return False
    before: Any = edit.before
    after: Any = edit.after
    if numbers and len(layer.features):
        there = all_numbers(layer.features, numbers)
        back = {new: old for old, new in there.items()}
        before = _WithChange(before, layer, _with_features(renumbered, back))
        after = _WithChange(after, layer, _with_features(renumbered, there))
        layer.features = renumbered(layer.features, there)
    if kept is not None:
        before, after = (
            _WithChange(side, layer, change)
            for side, change in zip((before, after), kept, strict=True)
        )
        kept[1](layer)
    layer.data[edit.index] = edit.new
    if not _record(layer, (edit.index, before, after)):
        # Larger, but as undoable.
        layer.data[edit.index] = edit.old
        changed = np.nonzero(edit.old != edit.new)
        indices = tuple(s.start + i for s, i in zip(edit.index, changed, strict=True))
        layer.data_setitem(indices, edit.new[changed])
    layer.refresh()
    return True


def rename_class(
    layer: Labels, value: int, name: str, others: Iterable[int] = ()
) -> None:
    """Name a class in the layer's features, as one step of its undo history.

    An empty name removes the present one; `others` are all classes of the layer.
    """
    before = class_names(layer.features).get(value, "")
    if name == before:
        return
    layer.features = with_name(layer.features, value, name, others)
    # A step that changes no pixel, but brings the name along.
    nothing = np.zeros((0,) * layer.data.ndim, layer.data.dtype)
    sides = (_WithChange(nothing, layer, _naming(value, n)) for n in (before, name))
    _record(layer, ((slice(0, 0),) * layer.data.ndim, *sides))


def unwrapped(layer: Layer) -> Layer:
    """Return the layer behind the short-lived proxy that napari hands to plugins."""
    return getattr(layer, "__wrapped__", layer)


def _record(layer: Labels, step: tuple[Any, ...]) -> bool:
    """Put a step into the undo history of a layer that shows its outcome already.

    data_setitem, napari's one public way to record an edit, keeps the coordinates of
    every pixel: 24 and more bytes instead of a fraction of one. So it records a change
    of one pixel that is taken back at once, and its record, which napari hands to
    listeners, is replaced. Returns False, with no record, if napari does not do so.
    """
    if not layer.data.size:
        return False
    place = tuple(np.zeros(1, np.intp) for _ in layer.data.shape)
    value = layer.data[place][0]
    recorded = False

    def replace(event: Event) -> None:
        nonlocal recorded
        if isinstance(event.value, list):
            event.value[:] = [step]
            layer.data[place] = value
            recorded = True

    layer.data[place] = value ^ 1
    layer.events.paint.connect(replace, position="first")
    try:
        layer.data_setitem(place, value, refresh=False)
    finally:
        layer.events.paint.disconnect(replace)
    if not recorded:
        layer.undo()
        layer.data[place] = value
    return recorded


def _naming(value: int, name: str) -> Change:
    return _with_features(lambda features, _: with_name(features, value, name), None)


def _with_features(change: Callable[[Any, Any], Any], by: Any) -> Change:
    """Return a change of a layer that is one of its features."""

    def apply(layer: Labels) -> None:
        layer.features = change(layer.features, by)

    return apply


class _WithChange:
    """Labels in an undo history that change a layer when they are put back.

    Converting such an object to an array has a side effect, which is ugly but needed:
    napari (0.9) emits nothing that says which step an undo took back, only that data
    has been set, and it keeps features out of its history. The conversion is the one
    moment at which the step is known.
    """

    def __init__(self, labels: Any, layer: Labels, change: Change) -> None:
        self.labels = labels
        self._layer = ref(unwrapped(layer))
        self._change = change

    @property
    def nbytes(self) -> int:
        """Bytes of the labels."""
        return int(self.labels.nbytes)

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[Any]:
        """Return the labels, on their way back into the layer."""
        layer = self._layer()
        if layer is not None:
            self._change(layer)
        return np.asarray(self.labels, dtype)

"""Changing a Labels layer so that one undo takes it back."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels
from napari.utils.events import Event

from napari_mmtseg.errors import InputError
from napari_mmtseg.label_edits import LabelEdit

__all__ = ["apply_edit", "check_editable"]


def check_editable(layer: Labels) -> None:
    """Refuse layers whose data cannot be changed in place.

    Raises
    ------
    InputError
        If the layer is multiscale, locked, or its data is not a writable NumPy array.
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


def apply_edit(layer: Labels, edit: LabelEdit) -> bool:
    """Change the layer's data in place, as one step of its undo history.

    Returns
    -------
    bool
        False, and nothing is changed, if the labels are no longer those that the edit
        was made from.
    """
    # Of another shape, too, if the layer has been given smaller data.
    if not np.array_equal(layer.data[edit.index], edit.old):
        return False
    first = np.unravel_index(int((edit.old != edit.new).argmax()), edit.old.shape)
    place = tuple(
        np.array([s.start + i]) for s, i in zip(edit.index, first, strict=True)
    )
    layer.data[edit.index] = edit.new
    layer.data[place] = edit.old[first]
    # data_setitem, napari's one public way to record an edit, keeps the coordinates of
    # every pixel: 24 and more bytes instead of a fraction of one. So it records one
    # pixel, and the record, which napari hands to whoever listens, is completed.
    completed = False

    def complete(event: Event) -> None:
        nonlocal completed
        if isinstance(event.value, list):
            event.value[:] = [(edit.index, edit.before, edit.after)]
            layer.data[place] = edit.new[first]
            completed = True

    layer.events.paint.connect(complete, position="first")
    try:
        layer.data_setitem(place, edit.new[first], refresh=False)
    finally:
        layer.events.paint.disconnect(complete)
    if not completed:
        layer.undo()
        layer.data[edit.index] = edit.old
        changed = np.nonzero(edit.old != edit.new)
        indices = tuple(s.start + i for s, i in zip(edit.index, changed, strict=True))
        layer.data_setitem(indices, edit.new[changed])
    layer.refresh()
    return True

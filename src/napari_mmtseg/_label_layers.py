"""Changing a Labels layer so that one undo takes it back."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels

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
    # napari has no public way to record an edit but data_setitem, which keeps the
    # coordinates of every pixel: 24 and more bytes instead of a fraction of one.
    record = getattr(layer, "_save_history", None)
    if record is None:
        changed = np.nonzero(edit.old != edit.new)
        values = edit.new[changed]
        starts = [s.start for s in edit.index]
        indices = tuple(c + s for c, s in zip(changed, starts, strict=True))
        layer.data_setitem(indices, values)
        return True
    layer.data[edit.index] = edit.new
    record((edit.index, edit.before, edit.after))
    layer.refresh()
    return True

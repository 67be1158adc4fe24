"""The one table of the buttons in the Edit labels panel.

Buttons with their texts, keys and places, the shortcuts table of the documentation, and
the operations on labels are made from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.editing import cleaning, operations
from napari_mmtseg.labels.editing.table import ClassTable

if TYPE_CHECKING:  # the documentation reads the table without napari
    from napari_mmtseg.napari.edit.fields import EditFields
    from napari_mmtseg.napari.runs.label_edit import Operation


@dataclass(frozen=True)
class EditInput:
    """State of the panel that an operation depends on.

    `values` are the labels of the selected classes. `taken` returns the labels that the
    layer uses or names; for a thread. `index` is the part of the layer that is edited,
    `n_axes` the number of last axes along which pixels connect, None for all. `clicked`
    is the index of the pixel that was clicked last.
    """

    values: list[int]
    table: ClassTable
    taken: Callable[[], list[int]]
    index: tuple[slice, ...]
    n_axes: int | None
    clicked: tuple[int, ...] | None
    fields: EditFields
    is_whole: bool = True


@dataclass(frozen=True)
class EditAction:
    """A button of the panel, with keys as Qt writes them.

    Buttons of a `group` stand in pairs, except those beside a `field` of
    :class:`EditFields`. `make` returns the operation on labels; without it, the panel
    connects the button itself. With `shows_borders` its preview shows where objects
    end, instead of every pixel that gets another number. From `least` to `most` classes
    may be selected for it. With `renumbers`, it changes labels in all slices, and names
    follow their classes. With `only_reads` it is there for layers that cannot be
    edited, too.
    """

    title: str
    group: str
    description: str
    shortcut: str = ""
    make: Callable[[EditInput], Operation] | None = None
    least: int = 0
    most: int | None = None
    is_toggle: bool = False
    needs_click: bool = False
    shows_borders: bool = False
    renumbers: bool = False
    only_reads: bool = False
    field: str = ""

    def accepts(self, n_selected: int) -> bool:
        """Whether the action is possible with that number of selected classes."""
        return n_selected >= self.least and (
            self.most is None or n_selected <= self.most
        )

    @property
    def tooltip(self) -> str:
        """Description and shortcut; rich text, so that it wraps."""
        keys = f"<br><i>{self.shortcut}</i>" if self.shortcut else ""
        return f"<qt>{self.description}{keys}</qt>"


def _merge(state: EditInput) -> Operation:
    rows = np.searchsorted(state.table.values, state.values)
    into = state.values[int(np.argmax(state.table.n_pixels[rows]))]
    return partial(operations.merge, values=state.values, into=into)


def _swap(state: EditInput) -> Operation:
    first, second = state.values
    return partial(operations.swap, first=first, second=second)


def _split(state: EditInput) -> Operation:
    def split(labels: NDArray[Any]) -> NDArray[Any]:
        return operations.split(
            labels, state.values, taken=state.taken(), n_axes=state.n_axes
        )

    return split


def _split_region(state: EditInput) -> Operation:
    if state.clicked is None:
        raise InputError(
            "Click a region first: turn Pick in image on and click in the image."
        )
    pairs = list(zip(state.index, state.clicked, strict=True))
    if not all(s.start <= i < s.stop for s, i in pairs):
        raise InputError(
            "The clicked region is not in the current slice. Click again, or choose "
            "All slices."
        )
    position = [i - s.start for s, i in pairs]

    def split_region(labels: NDArray[Any]) -> NDArray[Any]:
        return operations.split_region(
            labels, position, taken=state.taken(), n_axes=state.n_axes
        )

    return split_region


def _remove_islands(state: EditInput) -> Operation:
    return partial(
        cleaning.remove_islands,
        min_size=state.fields.island_pixels,
        values=state.values or None,
        n_axes=state.n_axes,
    )


def _fill_holes(state: EditInput) -> Operation:
    return partial(
        cleaning.fill_holes,
        values=[v for v in state.values if v] or None,
        max_size=state.fields.hole_pixels,
        n_axes=state.n_axes,
    )


def _smooth(state: EditInput) -> Operation:
    return partial(
        cleaning.smooth,
        radius=state.fields.radius_pixels(len(state.index)),
        values=state.values or None,
        n_axes=state.n_axes,
    )


def _separate(state: EditInput) -> Operation:
    from napari_mmtseg.napari.shared.objects import SeparateObjects

    def offset() -> int:
        # In one slice of several, numbers of the other slices stay theirs.
        return 0 if state.n_axes is not None or state.is_whole else max(state.taken())

    return SeparateObjects(
        state.values, state.fields.objects, state.index, state.n_axes, offset
    )


_CHOSEN = "the selected classes, or all classes if none is selected"

ACTIONS = {
    "merge": EditAction(
        "Merge",
        "Classes",
        "Give all selected classes the label of the largest of them.",
        "Shift+M",
        _merge,
        least=2,
    ),
    "swap": EditAction(
        "Swap",
        "Classes",
        "Exchange the labels of the two selected classes.",
        "Shift+X",
        _swap,
        least=2,
        most=2,
    ),
    "background": EditAction(
        "To background",
        "Classes",
        "Give the selected classes the label 0, which is background.",
        "Shift+B",
        lambda state: partial(operations.set_background, values=state.values),
        least=1,
    ),
    "rename": EditAction(
        "Rename",
        "Classes",
        "Name the selected class. The name is shown under the mouse and is kept in the "
        "layer's features.",
        "F2",
        least=1,
        most=1,
    ),
    "relabel": EditAction(
        "Relabel 1…k",
        "Classes",
        "Close the gaps between labels, in all slices. Names follow their classes.",
        "Shift+N",
        lambda state: operations.relabel,
        renumbers=True,
    ),
    "split": EditAction(
        "Split",
        "Regions",
        "Give every connected region of the selected classes its own label. The "
        "largest keeps the label of its class.",
        "Shift+S",
        _split,
        least=1,
    ),
    "split_region": EditAction(
        "Split off clicked",
        "Regions",
        "Give its own label to the region that was clicked last with Pick in image.",
        "Shift+D",
        _split_region,
        needs_click=True,
    ),
    "remove_islands": EditAction(
        "Remove islands",
        "Regions",
        "Give connected regions below the size the label of their nearest neighbours: "
        f"{_CHOSEN}. Background is an island only if it is selected.",
        "Shift+I",
        _remove_islands,
        field="island_size",
    ),
    "fill_holes": EditAction(
        "Fill holes",
        "Regions",
        "Fill everything that the selected classes enclose; if none is selected, "
        "background that one class encloses.",
        "Shift+F",
        _fill_holes,
        field="hole_size",
    ),
    "smooth": EditAction(
        "Smooth",
        "Regions",
        f"Even out the boundaries of {_CHOSEN}: a pixel goes to the class that "
        "prevails within the radius.",
        "Shift+G",
        _smooth,
        field="radius",
    ),
    "separate": EditAction(
        "Separate touching objects",
        "Objects",
        "Give every object of the selected classes a label of its own, and cut those "
        "that touch apart; everything else becomes background. Without a selection "
        "objects are all but the background.",
        "Shift+O",
        _separate,
        shows_borders=True,
    ),
    "cut_merge": EditAction(
        "Cut and merge",
        "Objects",
        "While on, a line drawn across an object cuts it in two, and clicks on two "
        "objects merge them: the first keeps its number.",
        "Shift+K",
        is_toggle=True,
    ),
    "measure": EditAction(
        "Measure",
        "Objects",
        "Measure every label on all visible images of its shape. The table goes to the "
        "layer's features (Layers > Visualize > Features table widget).",
        "Shift+E",
        only_reads=True,
    ),
    "save_measurements": EditAction(
        "Save measurements…",
        "Objects",
        "Measure every label and write the table to a CSV file.",
        only_reads=True,
    ),
    "pick": EditAction(
        "Pick in image",
        "Table",
        "While on, a click in the image selects a class, or deselects it.",
        "Shift+C",
        is_toggle=True,
    ),
    "highlight": EditAction(
        "Highlight",
        "Table",
        "While on, show only the class that was selected last.",
        "Shift+H",
        is_toggle=True,
    ),
    "undo": EditAction(
        "Undo", "Changes", "Take back the last change of the layer (napari: Ctrl+Z)."
    ),
    "redo": EditAction(
        "Redo", "Changes", "Make the change again (napari: Ctrl+Shift+Z)."
    ),
    "preview": EditAction(
        "Preview",
        "Changes",
        "While on, an operation first shows what it would change. Then apply or cancel "
        "it.",
        "Shift+W",
        is_toggle=True,
    ),
    "apply": EditAction(
        "Apply", "Preview", "Make the change that the preview shows.", "Shift+Return"
    ),
    "cancel": EditAction("Cancel", "Preview", "Leave the labels as they are."),
    "save_table": EditAction(
        "Save table…", "Files", "Write the table with all names to a CSV file."
    ),
    "save_labels": EditAction(
        "Save labels…",
        "Files",
        "Write all labels with their pixel size to a file.",
        only_reads=True,
    ),
}
"""By the name of the button in the panel's ``buttons``."""

"""From a button, the selection and the fields to an operation on labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.editing import cleaning as label_cleaning
from napari_mmtseg.labels.editing import operations as label_operations
from napari_mmtseg.napari.edit.actions import ACTIONS
from napari_mmtseg.napari.edit.fields import EditFields
from napari_mmtseg.napari.edit.preview import Plan
from napari_mmtseg.napari.edit.table_view import ClassTableView
from napari_mmtseg.napari.edit.target import EditTarget
from napari_mmtseg.napari.runs.label_edit import Operation

__all__ = ["EditPlans"]


class EditPlans:
    """Makes plans of what the panel shows.

    Parameters
    ----------
    target : EditTarget
        Layer and part.
    table : ClassTableView
        The selected classes.
    fields : EditFields
        Sizes and radius.

    Attributes
    ----------
    clicked : tuple of int or None
        Index of the pixel of the layer that was clicked last.
    """

    def __init__(
        self, target: EditTarget, table: ClassTableView, fields: EditFields
    ) -> None:
        self._target = target
        self._table = table
        self._fields = fields
        self.clicked: tuple[int, ...] | None = None
        self._makers: dict[str, Callable[[Labels, Sequence[int]], Operation]] = {
            "merge": self._merge,
            "swap": self._swap,
            "background": self._background,
            "relabel": self._relabel,
            "split": self._split,
            "split_region": self._split_region,
            "remove_islands": self._remove_islands,
            "fill_holes": self._fill_holes,
            "smooth": self._smooth,
        }

    def __contains__(self, name: str) -> bool:
        return name in self._makers

    def make(self, name: str) -> Plan:
        """Return the plan of a button.

        Parameters
        ----------
        name : str
            Of one of the actions that change labels.

        Raises
        ------
        InputError
            If the layer, the selection or the last click does not allow it.
        """
        layer, action = self._target.editable_layer(), ACTIONS[name]
        values = self._table.selected_values
        if not action.accepts(len(values)):
            raise InputError(
                f"{action.title} is not possible with {len(values)} selected classes. "
                f"{action.description} Select classes in the table."
            )
        index = self._target.part()
        if name == "relabel":  # a label means the same in all slices
            index = tuple(slice(0, n) for n in layer.data.shape)
        operation = self._makers[name](layer, values)
        return Plan(action.title, layer, operation, index, renumbers=name == "relabel")

    def _merge(self, layer: Labels, values: Sequence[int]) -> Operation:
        table = self._table.classes.table
        assert table is not None
        into = max(values, key=table.pixels_of)
        return partial(label_operations.merge, values=values, into=into)

    def _swap(self, layer: Labels, values: Sequence[int]) -> Operation:
        first, second = values
        return partial(label_operations.swap, first=first, second=second)

    def _background(self, layer: Labels, values: Sequence[int]) -> Operation:
        return partial(label_operations.set_background, values=values)

    def _relabel(self, layer: Labels, values: Sequence[int]) -> Operation:
        return label_operations.relabel

    def _split(self, layer: Labels, values: Sequence[int]) -> Operation:
        n_axes = self._target.n_axes
        taken = _taken(layer)

        def split(labels: NDArray[Any]) -> NDArray[Any]:
            return label_operations.split(labels, values, taken=taken(), n_axes=n_axes)

        return split

    def _split_region(self, layer: Labels, values: Sequence[int]) -> Operation:
        if self.clicked is None:
            raise InputError(
                "Click a region first: turn Pick in image on and click in the image."
            )
        part = self._target.part()
        inside = all(
            s.start <= i < s.stop for s, i in zip(part, self.clicked, strict=True)
        )
        if not inside:
            raise InputError(
                "The region that was clicked is not in the current slice. Click again, "
                "or choose All slices."
            )
        position = [i - s.start for s, i in zip(part, self.clicked, strict=True)]
        n_axes = self._target.n_axes
        taken = _taken(layer)

        def split_region(labels: NDArray[Any]) -> NDArray[Any]:
            return label_operations.split_region(
                labels, position, taken=taken(), n_axes=n_axes
            )

        return split_region

    def _remove_islands(self, layer: Labels, values: Sequence[int]) -> Operation:
        return partial(
            label_cleaning.remove_islands,
            min_size=self._fields.island_pixels,
            values=values or None,
            n_axes=self._target.n_axes,
        )

    def _fill_holes(self, layer: Labels, values: Sequence[int]) -> Operation:
        return partial(
            label_cleaning.fill_holes,
            values=[v for v in values if v] or None,
            max_size=self._fields.hole_pixels,
            n_axes=self._target.n_axes,
        )

    def _smooth(self, layer: Labels, values: Sequence[int]) -> Operation:
        return partial(
            label_cleaning.smooth,
            radius=self._fields.radius_pixels(layer.ndim),
            values=values or None,
            n_axes=self._target.n_axes,
        )


def _taken(layer: Labels) -> Callable[[], list[int]]:
    """Return a function, for a thread, to labels that a layer uses or names."""
    data, features = layer.data, layer.features

    def taken() -> list[int]:
        named = features["index"] if "index" in features else range(len(features))
        return [int(v) for v in (*np.unique(data), *named)]

    return taken

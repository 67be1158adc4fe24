"""Runs and previews of the actions that change labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.editing import operations
from napari_mmtseg.labels.editing.splitting import split_by_line
from napari_mmtseg.napari.edit.actions import ACTIONS, EditInput
from napari_mmtseg.napari.edit.fields import EditFields
from napari_mmtseg.napari.edit.preview import EditPreview, Plan, describe_change
from napari_mmtseg.napari.edit.table_view import ClassTableView
from napari_mmtseg.napari.edit.target import EditTarget
from napari_mmtseg.napari.layers.objects import inherited_classes, object_classes
from napari_mmtseg.napari.runs.label_edit import EditRunner, Keeps, PreparedEdit
from napari_mmtseg.napari.shared.objects import SeparateObjects


class EditSession(QObject):
    """Runs actions with the current state of the panel, or previews them first.

    `clicked` is the index of the pixel of the layer that was clicked last. `described`
    emits what an operation would change or has changed, in words.
    """

    described = Signal(str)

    def __init__(
        self,
        target: EditTarget,
        table: ClassTableView,
        fields: EditFields,
        preview: EditPreview,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._target = target
        self._table = table
        self._fields = fields
        self._preview = preview
        self.runner = EditRunner(self)
        self.previews_first = False
        self.clicked: tuple[int, ...] | None = None
        self._running: Plan | None = None
        self._previewed = ""
        self._first: int | None = None
        preview.changed.connect(self.described)
        self.runner.applied.connect(self._on_applied)
        self.runner.refused.connect(lambda _, text: self.described.emit(text))

    def operate(self, name: str) -> None:
        """Run, or preview, an action that changes labels."""
        try:
            plan = self._plan(name)
        except InputError as error:
            show_warning(str(error))
            return
        if self.previews_first:
            self._previewed = name
            self._preview.show(plan)
            return
        self._preview.clear()
        self._run(plan)

    def apply(self) -> None:
        """Make the change that is previewed; without effect if there is none."""
        plan, prepared = self._preview.plan, self._preview.prepared
        if plan is not None:
            self._preview.clear()
            self._run(plan, prepared)

    def preview_again(self) -> None:
        """Preview the same operation with the current state of the panel."""
        if self._preview.plan is None:
            return
        try:
            self._preview.show(self._plan(self._previewed))
        except InputError:
            self._preview.clear()

    def _plan(self, name: str) -> Plan:
        layer, action = self._target.editable_layer(), ACTIONS[name]
        values = self._table.selected_values
        assert action.make is not None
        if not action.accepts(len(values)):
            raise InputError(
                f"{action.title} is not possible with {len(values)} selected classes. "
                f"{action.description} Select classes in the table."
            )
        index = self._target.part()
        operation = action.make(
            EditInput(
                values,
                self._table.classes.content,
                _taken(layer),
                index,
                self._target.n_axes,
                self.clicked,
                self._fields,
                self._target.is_whole,
            )
        )
        if action.renumbers:  # a label means the same in all slices
            index = tuple(slice(0, n) for n in layer.data.shape)
        return Plan(
            action.title,
            layer,
            operation,
            index,
            renumbers=action.renumbers,
            shows_borders=action.shows_borders,
        )

    def cut(self, line: Any, place: Any) -> None:
        """Cut the object under a line, (y, x) points in the slice at `place`."""
        try:
            layer = self._target.editable_layer()
        except InputError as error:
            show_warning(str(error))
            return
        shape = layer.data.shape
        lead = [slice(int(i), int(i) + 1) for i in place]
        if self._target.n_axes == 3 or (self._target.is_whole and len(shape) == 3):
            lead[-1:] = [slice(0, n) for n in shape[-3:-2]]
        index = (*lead, slice(0, shape[-2]), slice(0, shape[-1]))
        taken = _taken(layer)

        def operation(labels: Any) -> Any:
            part = labels.reshape(labels.shape[-3:])
            return split_by_line(part, line, taken=taken()).reshape(labels.shape)

        self._preview.clear()
        self._run(Plan("Cut", layer, operation, index))

    def click(self, pixel: tuple[int, ...]) -> None:
        """Merge the object at a pixel with the one clicked before, if there is one."""
        try:
            layer = self._target.editable_layer()
        except InputError as error:
            show_warning(str(error))
            return
        value, first = int(layer.data[pixel]), self._first
        if not value:
            self.described.emit("That is background. Click an object.")
        elif first is None or first == value:
            self._first = value
            self._table.select_values([value], last=value)
            self.described.emit(f"Click another object to merge it with {value}.")
        else:
            self._first = None
            self._preview.clear()
            merge = partial(operations.merge, values=[value], into=first)
            self._run(Plan("Merge", layer, merge, self._target.part()))

    def forget_click(self, _: bool = False) -> None:
        """Begin again with the first of two objects."""
        self._first = None

    def _run(self, plan: Plan, prepared: PreparedEdit | None = None) -> None:
        self._running = plan
        self.described.emit(f"{plan.title}: working…")
        self.runner.run(
            plan.layer,
            plan.operation,
            plan.index,
            renumbers=plan.renumbers,
            keeps=_kept_by(plan.operation),
            prepared=prepared,
        )

    def _on_applied(self, layer: Any, edit: Any) -> None:
        if self._running is not None and self._running.layer == layer:
            text = describe_change(self._running, PreparedEdit(edit), done=True)
            self.described.emit(text)


def _kept_by(operation: Any) -> Keeps:
    """Return what tells the classes of objects after an operation."""
    if not isinstance(operation, SeparateObjects):
        return inherited_classes
    return lambda layer, *_: operation.classes_after(object_classes(layer))


def _taken(layer: Labels) -> Callable[[], list[int]]:
    """Return a function for a thread: it returns the labels a layer uses or names."""
    data, features = layer.data, layer.features

    def taken() -> list[int]:
        named = features["index"] if "index" in features else range(len(features))
        return [int(v) for v in (*np.unique(data), *named)]

    return taken

"""Label operations on a thread, applied in the window as one undoable step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.editing.undo import LabelEdit
from napari_mmtseg.napari.layers.editing import apply_edit, check_editable
from napari_mmtseg.napari.layers.objects import (
    changed_classes,
    inherited_classes,
    keep_object_classes,
)
from napari_mmtseg.napari.runs.run import Failed, Refused, RunQueue, show_problem

Operation: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
"""From labels to labels of the same shape; called in a thread with a copy."""

Keeps: TypeAlias = Callable[[Labels, LabelEdit | None, dict[int, int] | None], Any]
"""The classes of objects after an edit of a layer, by label; None for none."""

_ATTEMPTS = 5


@dataclass(frozen=True)
class PreparedEdit:
    """The changes of an operation, ready to be applied; `edit` is None without any.

    `numbers` is the new label of every old one that changes, if asked for.
    """

    edit: LabelEdit | None
    numbers: dict[int, int] | None = None


def prepare_edit(
    data: NDArray[Any],
    operation: Operation,
    index: tuple[slice, ...],
    *,
    renumbers: bool = False,
) -> PreparedEdit:
    """Run an operation on a copy of labels; for a thread.

    The arguments are those of :meth:`EditRunner.run`.
    """
    old = np.array(data[index])
    edit = LabelEdit.between(old, operation(old.copy()), index)
    if edit is None or not renumbers:
        return PreparedEdit(edit)
    values, first = np.unique(edit.old, return_index=True)
    new = edit.new.ravel()[first]
    numbers = {int(v): int(n) for v, n in zip(values, new, strict=True)}
    return PreparedEdit(edit, numbers)


@dataclass(frozen=True)
class _Task:
    layer: Labels
    operation: Operation
    index: tuple[slice, ...]
    replaces: str | None
    renumbers: bool
    keeps: Keeps
    attempts: int = _ATTEMPTS


class EditRunner(QObject):
    """A queue of operations on labels.

    `applied` emits the layer and the :class:`LabelEdit`, or None if nothing changed;
    `refused` the layer and the text of an error, after it has been shown.
    """

    applied = Signal(object, object)
    refused = Signal(object, str)
    busy_changed = Signal(bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._running: _Task | None = None
        self._waiting: list[_Task] = []
        self._queue = RunQueue(self)
        self._queue.ended.connect(self._on_prepared)

    @property
    def is_busy(self) -> bool:
        """Whether an operation is under way."""
        return self._running is not None

    def run(
        self,
        layer: Labels,
        operation: Operation,
        index: tuple[slice, ...] | None = None,
        replaces: str | None = None,
        *,
        renumbers: bool = False,
        keeps: Keeps = inherited_classes,
        prepared: PreparedEdit | None = None,
    ) -> None:
        """Change a layer; one that cannot be edited is refused, with a notification.

        The operation sees the part `index`, by default all; an :class:`InputError` that
        it raises is shown. Of operations with the same name in `replaces` only the
        latest waits. With `renumbers` it gives whole classes other labels, and names
        and other features follow. The classes of objects become what `keeps` returns,
        and come back with undo. Changes `prepared` for a preview are taken if nothing
        else is under way and the labels are still the same.
        """
        try:
            check_editable(layer)
        except InputError as error:
            self._refuse(layer, Refused(str(error)))
            return
        whole = tuple(slice(0, n) for n in layer.data.shape)
        task = _Task(layer, operation, index or whole, replaces, renumbers, keeps)
        if self._running is None:
            if prepared is None or not self._finish(task, prepared):
                self._start(task)
            return
        if replaces is not None:
            self._waiting = [t for t in self._waiting if t.replaces != replaces]
        self._waiting.append(task)

    def _start(self, task: _Task) -> None:
        was_busy, self._running = self.is_busy, task
        data = task.layer.data
        self._queue.start(
            lambda _: prepare_edit(
                data, task.operation, task.index, renumbers=task.renumbers
            )
        )
        if not was_busy:
            self.busy_changed.emit(True)

    def _on_prepared(self, outcome: PreparedEdit | Refused | Failed | None) -> None:
        task = self._running
        assert task is not None
        try:
            if isinstance(outcome, Refused | Failed):
                self._refuse(task.layer, outcome)
            elif (
                outcome is not None
                and not self._finish(task, outcome)
                and task.attempts > 1
            ):
                # The user has painted meanwhile: once more, with the labels as they
                # are now.
                again = replace(task, attempts=task.attempts - 1)
                self._waiting.insert(0, again)
        finally:
            if self._waiting:
                self._start(self._waiting.pop(0))
            else:
                self._running = None
                self.busy_changed.emit(False)

    def _finish(self, task: _Task, prepared: PreparedEdit) -> bool:
        """Apply an edit; False if the labels have changed since it was made."""
        edit = prepared.edit
        try:
            if edit is None:
                keep_object_classes(task.layer, task.keeps(task.layer, None, None))
            else:
                check_editable(task.layer)
                classes = task.keeps(task.layer, edit, prepared.numbers)
                kept = changed_classes(task.layer, classes)
                if not apply_edit(task.layer, edit, prepared.numbers, kept):
                    return False
        except InputError as error:
            self._refuse(task.layer, Refused(str(error)))
            return True
        self.applied.emit(task.layer, edit)
        return True

    def _refuse(self, layer: Labels, problem: Refused | Failed) -> None:
        show_problem(problem)
        self.refused.emit(layer, problem.text)

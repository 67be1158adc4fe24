"""From a pressed button to a preview or a change, and what it says."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.edit.plans import EditPlans
from napari_mmtseg.napari.edit.preview import EditPreview, Plan, describe_change
from napari_mmtseg.napari.runs.label_edit import EditRunner, PreparedEdit

__all__ = ["EditSession"]


class EditSession(QObject):
    """Runs plans, or shows them first.

    Parameters
    ----------
    plans : EditPlans
        Where plans come from.
    preview : EditPreview
        Where they are shown.
    parent : QObject
        Qt deletes this object with it.

    Attributes
    ----------
    runner : EditRunner
        Where every operation goes through.
    previews_first : bool
        Whether operations are shown before they are done.
    told : Signal
        Emits what an operation would change or has changed.
    """

    told = Signal(str)

    def __init__(self, plans: EditPlans, preview: EditPreview, parent: QObject) -> None:
        super().__init__(parent)
        self._plans = plans
        self._preview = preview
        self.runner = EditRunner(self)
        self.previews_first = False
        self._running: Plan | None = None
        self._previewed = ""
        preview.changed.connect(self.told)
        self.runner.applied.connect(self._on_applied)
        self.runner.refused.connect(self._on_refused)

    def operate(self, name: str) -> None:
        """Do, or preview, what a button stands for.

        Parameters
        ----------
        name : str
            Of an action that changes labels.
        """
        try:
            plan = self._plans.make(name)
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
        """Show the same operation with what the panel says now."""
        if self._preview.plan is None:
            return
        try:
            self._preview.show(self._plans.make(self._previewed))
        except InputError:
            self._preview.clear()

    def _run(self, plan: Plan, prepared: PreparedEdit | None = None) -> None:
        self._running = plan
        self.told.emit(f"{plan.title}: working…")
        self.runner.run(
            plan.layer,
            plan.operation,
            plan.index,
            renumbers=plan.renumbers,
            prepared=prepared,
        )

    def _on_applied(self, layer: Any, edit: Any) -> None:
        if self._running is not None and self._running.layer == layer:
            text = describe_change(self._running, PreparedEdit(edit), done=True)
            self.told.emit(text)

    def _on_refused(self, layer: Any, text: str) -> None:
        self.told.emit(text)

"""What an operation would change: in words, and as pixels over the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.qt.threading import create_worker
from napari.utils.colormaps import DirectLabelColormap
from napari.utils.notifications import notification_manager, show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.regions import connected_regions
from napari_mmtseg.napari.layers.editing import check_editable
from napari_mmtseg.napari.layers.placement import spatial_attributes
from napari_mmtseg.napari.runs.label_edit import Operation, PreparedEdit, prepare_edit
from napari_mmtseg.napari.shared.layer_choice import LayerChoice

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["EditPreview", "Plan", "describe_change"]

_COLOR = (1.0, 0.9, 0.1, 1.0)


@dataclass(frozen=True)
class Plan:
    """An operation on a part of a layer, decided but not done.

    Attributes
    ----------
    title : str
        Of the operation.
    layer : napari.layers.Labels
        What is to change.
    operation : callable
        From labels to labels.
    index : tuple of slice
        The part that the operation sees.
    renumbers : bool
        Whether names have to follow classes to other labels.
    """

    title: str
    layer: Labels
    operation: Operation
    index: tuple[slice, ...]
    renumbers: bool = False

    @property
    def n_pixels(self) -> int:
        """Number of pixels that the operation sees."""
        return int(np.prod([s.stop - s.start for s in self.index]))


class EditPreview(QObject):
    """Computes one plan at a time in a thread, and shows what it changes.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the pixels are shown, as a layer that is gone with the preview.
    choice : LayerChoice
        Where that layer must not be offered.
    parent : QObject
        Qt deletes this object with it.

    Attributes
    ----------
    plan : Plan or None
        What is shown or being computed.
    prepared : PreparedEdit or None
        What it changes, once that is known.
    changed : Signal
        Emits the text of a preview; empty when there is none any more.
    """

    changed = Signal(str)

    def __init__(
        self, viewer: ViewerModel, choice: LayerChoice, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._choice = choice
        self.plan: Plan | None = None
        self.prepared: PreparedEdit | None = None
        self.overlay: Labels | None = None
        self._is_computing = False
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def is_busy(self) -> bool:
        """Whether a plan is being computed."""
        return self._is_computing

    def show(self, plan: Plan) -> None:
        """Show what a plan would change, in the place of any other."""
        try:
            check_editable(plan.layer)
        except InputError as error:
            show_warning(str(error))
            return
        self.plan, self.prepared = plan, None
        self.changed.emit(f"{plan.title}: looking…")
        if not self._is_computing:
            self._compute()

    def clear(self) -> None:
        """Forget the plan and take its pixels out of the viewer."""
        if self.plan is None:
            return
        self.plan = self.prepared = None
        self._remove_overlay()
        self.changed.emit("")

    def disconnect(self) -> None:
        """Forget the plan, and follow the viewer no more."""
        self.clear()
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def _compute(self) -> None:
        plan = self.plan
        assert plan is not None
        data = plan.layer.data

        def compute() -> tuple[Any, ...]:
            try:
                prepared = prepare_edit(
                    data, plan.operation, plan.index, renumbers=plan.renumbers
                )
                mask, n_regions = _changed_pixels(prepared, data.shape)
            except Exception as error:  # a worker raises some and loses others
                return plan, error, None, 0
            return plan, prepared, mask, n_regions

        self._is_computing = True
        worker = create_worker(compute, _start_thread=False)
        worker.returned.connect(self._on_computed)
        worker.start()

    def _on_computed(self, result: tuple[Any, ...]) -> None:
        plan: Plan | None
        plan, prepared, mask, n_regions = result
        self._is_computing = False
        if self.plan is not plan:
            if self.plan is not None:
                self._compute()
            return
        assert plan is not None
        if isinstance(prepared, Exception):
            self.clear()
            if isinstance(prepared, InputError):
                show_warning(str(prepared))
                return
            notification_manager.receive_error(
                type(prepared), prepared, prepared.__traceback__
            )
            return
        self.prepared = prepared
        self._show_overlay(plan.layer, mask)
        self.changed.emit(describe_change(plan, prepared, n_regions))

    def _show_overlay(self, layer: Labels, mask: NDArray[np.uint8] | None) -> None:
        if mask is None or layer not in self._viewer.layers:
            self._remove_overlay()
            return
        if self.overlay is not None:
            self.overlay.data = mask
            self.overlay.editable = False
            return
        self.overlay = Labels(
            mask,
            name=f"Preview of {layer.name}",
            colormap=DirectLabelColormap(
                color_dict={None: "transparent", 0: "transparent", 1: _COLOR}
            ),
            opacity=0.9,
            blending="translucent_no_depth",
            **spatial_attributes(layer),
        )
        self.overlay.editable = False
        self._choice.hide(self.overlay)
        layers = self._viewer.layers
        chosen = set(layers.selection), layers.selection.active
        self._viewer.add_layer(self.overlay)
        layers.selection.clear()
        layers.selection.update(chosen[0])
        layers.selection.active = chosen[1]

    def _remove_overlay(self) -> None:
        overlay, self.overlay = self.overlay, None
        if overlay is not None and overlay in self._viewer.layers:
            self._viewer.layers.remove(overlay)
        self._choice.hide(None)

    def _on_removed(self, event: Any) -> None:
        if event.value == self.overlay:
            # The user has deleted it: that is another way to cancel.
            self.overlay = None
            self.clear()
        elif self.plan is not None and event.value == self.plan.layer:
            self.clear()


def describe_change(
    plan: Plan, prepared: PreparedEdit, n_regions: int = 0, *, done: bool = False
) -> str:
    """Return what a plan changes, in words.

    Parameters
    ----------
    plan : Plan
        The plan.
    prepared : PreparedEdit
        What it changes.
    n_regions : int
        In how many regions; 0 if that is not known.
    done : bool
        Whether it has been done.
    """
    verb = "changed" if done else "changes"
    if prepared.edit is None:
        return f"{plan.title}: {verb} nothing."
    n = prepared.edit.n_changed
    share = 100 * n / plan.n_pixels
    percent = f"{share:.1f} %" if share >= 0.05 else "under 0.1 %"
    where = f" in {n_regions:,} region{'s' * (n_regions != 1)}" if n_regions else ""
    return f"{plan.title}: {verb} {n:,} pixel{'s' * (n != 1)} ({percent}){where}."


def _changed_pixels(
    prepared: PreparedEdit, shape: tuple[int, ...]
) -> tuple[NDArray[np.uint8] | None, int]:
    edit = prepared.edit
    if edit is None:
        return None, 0
    mask = np.zeros(shape, np.uint8)
    mask[edit.index] = edit.old != edit.new
    return mask, int(connected_regions(mask[edit.index]).max(initial=0))

"""Preview of an operation: in words, and as pixels over the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from skimage.segmentation import find_boundaries

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.regions import connected_regions
from napari_mmtseg.napari.layers.aids import add_aid
from napari_mmtseg.napari.layers.editing import check_editable
from napari_mmtseg.napari.layers.placement import spatial_attributes
from napari_mmtseg.napari.runs.label_edit import Operation, PreparedEdit, prepare_edit
from napari_mmtseg.napari.runs.latest import LatestTask
from napari_mmtseg.napari.runs.run import Failed, Refused, show_problem

if TYPE_CHECKING:
    from napari.components import ViewerModel

_COLOR = (1.0, 0.9, 0.1, 1.0)


@dataclass(frozen=True)
class Plan:
    """An operation on a part of a layer, decided but not done.

    The operation sees the part `index`. With `shows_borders` a preview shows where
    objects end. With `renumbers`, names follow their classes to
    other labels.
    """

    title: str
    layer: Labels
    operation: Operation
    index: tuple[slice, ...]
    renumbers: bool = False
    shows_borders: bool = False

    @property
    def n_pixels(self) -> int:
        """Number of pixels that the operation sees."""
        return int(np.prod([s.stop - s.start for s in self.index]))


@dataclass(frozen=True)
class _Change:
    """An edit, the pixels that it changes, and the number of their regions."""

    prepared: PreparedEdit
    pixels: NDArray[np.uint8] | None = None
    n_regions: int = 0


class EditPreview(QObject):
    """Computes one plan at a time in a thread, and shows what it changes.

    The pixels are shown in a layer that goes with the preview. `prepared` holds the
    changes of `plan` once they are known. `changed` emits the text of the preview,
    which is empty after it.
    """

    changed = Signal(str)

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.plan: Plan | None = None
        self.prepared: PreparedEdit | None = None
        self.overlay: Labels | None = None
        self._task = LatestTask(self)
        self._task.done.connect(self._on_computed)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def is_busy(self) -> bool:
        """Whether a plan is being computed."""
        return self._task.is_busy

    def show(self, plan: Plan) -> None:
        """Show what a plan would change, in the place of any other."""
        try:
            check_editable(plan.layer)
        except InputError as error:
            show_warning(str(error))
            return
        self.plan, self.prepared = plan, None
        self.changed.emit(f"{plan.title}: looking…")
        data = plan.layer.data
        self._task.request(lambda _: _change(plan, data))

    def clear(self) -> None:
        """Forget the plan and take its pixels out of the viewer."""
        if self.plan is None:
            return
        self._task.cancel()
        self.plan = self.prepared = None
        self._remove_overlay()
        self.changed.emit("")

    def disconnect(self) -> None:
        """Forget the plan, and stop following the viewer."""
        self.clear()
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def _on_computed(self, outcome: _Change | Refused | Failed) -> None:
        plan = self.plan
        assert plan is not None
        if isinstance(outcome, Refused | Failed):
            self.clear()
            show_problem(outcome)
            return
        self.prepared = outcome.prepared
        self._show_overlay(plan.layer, outcome.pixels)
        self.changed.emit(describe_change(plan, outcome.prepared, outcome.n_regions))

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
        add_aid(self._viewer, self.overlay)

    def _remove_overlay(self) -> None:
        overlay, self.overlay = self.overlay, None
        if overlay is not None and overlay in self._viewer.layers:
            self._viewer.layers.remove(overlay)

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
    """Describe the changes of a plan; `n_regions` is 0 if it is not known."""
    verb = "changed" if done else "changes"
    if prepared.edit is None:
        return f"{plan.title}: {verb} nothing."
    if description := getattr(plan.operation, "description", ""):
        return f"{plan.title}: {description}."
    n = prepared.edit.n_changed
    share = 100 * n / plan.n_pixels
    percent = f"{share:.1f} %" if share >= 0.05 else "under 0.1 %"
    where = f" in {n_regions:,} region{'s' * (n_regions != 1)}" if n_regions else ""
    return f"{plan.title}: {verb} {n:,} pixel{'s' * (n != 1)} ({percent}){where}."


def object_borders(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the outermost pixels of objects in every plane."""
    borders = np.zeros(labels.shape, bool)
    for index in np.ndindex(*labels.shape[:-2]):
        borders[index] = find_boundaries(labels[index], connectivity=1, mode="inner")
    return borders


def _change(plan: Plan, data: NDArray[Any]) -> _Change:
    """Compute what a plan changes; for a thread."""
    prepared = prepare_edit(data, plan.operation, plan.index, renumbers=plan.renumbers)
    edit = prepared.edit
    if edit is None:
        return _Change(prepared)
    pixels = np.zeros(data.shape, np.uint8)
    pixels[edit.index] = (
        object_borders(edit.new) if plan.shows_borders else edit.old != edit.new
    )
    return _Change(
        prepared, pixels, int(connected_regions(pixels[edit.index]).max(initial=0))
    )

"""The Edit labels panel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning
from qtpy.QtGui import QHideEvent, QShowEvent

from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.edit.actions import ACTIONS
from napari_mmtseg.napari.edit.fields import EditFields
from napari_mmtseg.napari.edit.files import save_table
from napari_mmtseg.napari.edit.layout import arrange, make_buttons
from napari_mmtseg.napari.edit.line import LineDrawer
from napari_mmtseg.napari.edit.measurements import Measurements
from napari_mmtseg.napari.edit.navigation import Navigator
from napari_mmtseg.napari.edit.picking import Highlight, Picker
from napari_mmtseg.napari.edit.preview import EditPreview
from napari_mmtseg.napari.edit.session import EditSession
from napari_mmtseg.napari.edit.statistics import ClassStatistics
from napari_mmtseg.napari.edit.table_view import ClassTableView
from napari_mmtseg.napari.edit.target import EditTarget
from napari_mmtseg.napari.layers.class_names import class_names
from napari_mmtseg.napari.layers.editing import rename_class
from napari_mmtseg.napari.layers.objects import brightness_on
from napari_mmtseg.napari.layers.result import changes, result_of
from napari_mmtseg.napari.layers.size_circle import SizeCircle
from napari_mmtseg.napari.shared.layer_choice import LayerWatch
from napari_mmtseg.napari.shared.panel import NarrowPanel
from napari_mmtseg.napari.shared.shortcuts import WindowShortcuts
from napari_mmtseg.napari.shared.wrapped_label import WrappedLabel

if TYPE_CHECKING:
    import napari

_EDITED = ("set_data", "data", "paint", "labels_update")
"""Events of a layer whose labels may have changed."""


class EditWidget(NarrowPanel):
    """Edit the classes and regions of a Labels layer, every step undoable.

    `status` describes the latest change, `reason` why the layer cannot be edited.
    `buttons` has the names of :data:`ACTIONS`.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.target = EditTarget(napari_viewer)
        self.table = ClassTableView()
        self.fields = EditFields(self)
        self.preview = EditPreview(napari_viewer, self)
        self.picker = Picker(napari_viewer, self)
        self.line = LineDrawer(napari_viewer, self)
        self.circle = SizeCircle(napari_viewer, self)
        self.measurements = Measurements(napari_viewer, self.target, self)
        self.statistics = ClassStatistics(self)
        self.navigator = Navigator(napari_viewer, self)
        self.highlight = Highlight()
        self.session = EditSession(
            self.target, self.table, self.fields, self.preview, self
        )
        self.buttons = make_buttons()
        self.status, self.reason = WrappedLabel(), WrappedLabel()
        self._shortcuts = WindowShortcuts(
            {a.shortcut: self.buttons[n] for n, a in ACTIONS.items() if a.shortcut}
        )
        self._watch = LayerWatch(
            {
                **dict.fromkeys(_EDITED, self._on_edited),
                "features": self._on_renamed,
                "colormap": self._on_recolored,
                "selected_label": self._on_selected_in_layer,
            }
        )
        content = arrange(
            self.buttons,
            self.fields,
            target=self.target,
            reason=self.reason,
            table=self.table,
            status=self.status,
        )
        self.show_content(content)
        self._connect()
        self._on_layer()

    @property
    def is_busy(self) -> bool:
        """Whether a thread is computing."""
        parts = (
            self.session.runner,
            self.preview,
            self.statistics,
            self.navigator,
            self.measurements,
        )
        return any(part.is_busy for part in parts)

    def rename(self) -> None:
        """Let the user type the name of the selected class."""
        value = self.table.last_value
        if value:
            self.table.edit_name(value)
        elif value == 0:
            show_warning("The background has a fixed name. Select another class.")

    def showEvent(self, event: QShowEvent | None) -> None:
        """Bind the keys: the window exists only now."""
        super().showEvent(event)
        self._shortcuts.bind(self)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Give the keys back while the panel is hidden."""
        super().hideEvent(event)
        self._shortcuts.release()

    def _connect(self) -> None:
        for name, action in ACTIONS.items():
            if action.make is not None:
                self.buttons[name].clicked.connect(partial(self._operate, name))
        slots: dict[str, Callable[..., None]] = {
            "rename": self.rename,
            "apply": self.session.apply,
            "cancel": self.preview.clear,
            "undo": partial(self._step, "undo"),
            "redo": partial(self._step, "redo"),
            "measure": self.measurements.to_features,
            "save_measurements": self.measurements.to_file,
            "save_table": self._save_table,
            "save_labels": self._save_labels,
        }
        for name, slot in slots.items():
            self.buttons[name].clicked.connect(slot)
        switches: dict[str, Picker | Highlight | LineDrawer] = {
            "pick": self.picker,
            "highlight": self.highlight,
            "cut_merge": self.line,
        }
        for name, part in switches.items():
            self.buttons[name].toggled.connect(partial(self._switch, part))
        self.buttons["preview"].toggled.connect(self._on_preview_first)
        target, table = self.target, self.table
        target.layer_changed.connect(self._on_layer)
        target.part_changed.connect(self._on_part)
        table.selection_changed.connect(self._on_selection)
        table.visited.connect(self._on_visit)
        table.classes.renamed.connect(self._on_typed)
        self.fields.changed.connect(self.session.preview_again)
        self.statistics.counted.connect(self._on_counted)
        self.preview.changed.connect(self._on_preview)
        self.session.described.connect(self.status.setText)
        self.picker.picked.connect(self._on_picked)
        self.picker.ended.connect(lambda: self.buttons["pick"].setChecked(False))
        self.line.drawn.connect(self.session.cut)
        self.line.clicked.connect(self.session.click)
        self.buttons["cut_merge"].toggled.connect(self.session.forget_click)
        self.line.ended.connect(lambda: self.buttons["cut_merge"].setChecked(False))
        self.fields.objects.brightness = lambda: brightness_on(
            self._viewer.layers, self.target.editable_layer()
        )
        self.fields.objects.resized.connect(
            lambda size: self.circle.show(self.target.layer, size)
        )
        self.measurements.described.connect(self.status.setText)
        changes.measured.connect(self._on_measured)
        self.closed.connect(self._on_closed)

    def _operate(self, name: str, _: bool = False) -> None:
        self.session.operate(name)

    def _on_preview(self, _: str) -> None:
        is_shown = self.preview.plan is not None
        for name in ("apply", "cancel"):
            self.buttons[name].setVisible(is_shown)

    def _on_preview_first(self, checked: bool) -> None:
        self.session.previews_first = checked
        self.preview.clear()

    def _step(self, name: str, _: bool = False) -> None:
        if self.target.layer is not None:
            self.preview.clear()
            try:
                getattr(self.target.layer, name)()
            except (IndexError, ValueError):  # from napari, which keeps the history
                show_warning(
                    f"There is nothing to {name}: the history of "
                    f"“{self.target.layer.name}” is of other data."
                )
                return
            self.status.setText("Undone." if name == "undo" else "Done again.")

    def _on_layer(self) -> None:
        layer = self.target.layer
        self._watch.follow(layer)
        self.preview.clear()
        self.session.clicked = None
        self.status.setText("")
        for name in ("pick", "highlight", "cut_merge"):
            self.buttons[name].setChecked(False)
        self.statistics.stop()
        self.table.classes.show_table(None)
        self._on_renamed()
        self._on_recolored()
        self._on_part()
        if layer is not None:
            self.table.select_values([])

    def _on_part(self) -> None:
        self.fields.show_measure(self.target.measure())
        self.table.classes.show_measure(self.target.measure())
        self._count(repeat=True)
        self.session.preview_again()

    def _on_edited(self, _: Any = None) -> None:
        self._count()

    def _count(self, *, repeat: bool = False) -> None:
        reason = ""
        try:
            layer, part = self.target.editable_layer(), self.target.part()
            result = result_of(layer)
            measured = None if result is None else result.measured
            self.statistics.request(
                layer.data,
                part,
                self.target.n_axes,
                None if measured is None else measured.confidence,
                repeat=repeat,
            )
        except InputError as error:
            reason = str(error)
            self.statistics.stop()
            self.table.classes.show_table(None)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))
        self._enable()

    def _on_counted(self, table: Any) -> None:
        old = self.table.classes.table
        self.table.classes.show_table(table)
        if self.preview.prepared is not None and old is not None and old != table:
            self.session.preview_again()

    def _on_renamed(self, _: Any = None) -> None:
        layer = self.target.layer
        names = {} if layer is None else class_names(layer.features)
        self.table.classes.show_names(names)

    def _on_recolored(self, _: Any = None) -> None:
        layer = self.target.layer
        if layer is None:
            self.table.classes.show_colors(None)
            return
        # Without highlighting, which makes all classes except one transparent.
        colormap = layer.colormap
        duplicate = getattr(colormap, "model_copy", None) or colormap.copy
        self.table.classes.show_colors(duplicate(update={"use_selection": False}).map)

    def _on_selection(self) -> None:
        layer, value = self.target.layer, self.table.last_value
        if layer is not None and value is not None:
            layer.selected_label = value
        self._enable()
        self.session.preview_again()

    def _on_selected_in_layer(self, _: Any = None) -> None:
        layer = self.target.layer
        assert layer is not None
        value = int(layer.selected_label)
        if value not in self.table.selected_values:
            self.table.select_values([value], last=value)

    def _on_picked(self, value: int, pixel: tuple[int, ...]) -> None:
        self.session.clicked = pixel
        values = set(self.table.selected_values) ^ {value}
        self.table.select_values(values, last=value if value in values else None)
        self._enable()

    def _on_typed(self, value: int, name: str) -> None:
        layer, table = self.target.layer, self.table.classes.table
        if layer is not None and table is not None:
            rename_class(layer, value, name, (int(v) for v in table.values))

    def _on_visit(self, value: int) -> None:
        try:
            layer, part = self.target.editable_layer(), self.target.part()
        except InputError as error:
            show_warning(str(error))
            return
        self.navigator.visit(layer, value, part, self.target.n_axes)

    def _switch(self, part: Picker | Highlight | LineDrawer, checked: bool) -> None:
        if checked and self.target.layer is not None:
            part.start(self.target.layer)
        else:
            part.stop()

    def _save_table(self) -> None:
        if self.target.layer is not None:
            save_table(self, self.target.layer, self.table.classes)

    def _save_labels(self) -> None:
        if self.target.layer is not None:
            self.measurements.save_labels(self.target.layer)

    def _enable(self) -> None:
        possible = not self.reason.text()
        n_selected = len(self.table.selected_values) if possible else 0
        for name, action in ACTIONS.items():
            was_clicked = self.session.clicked is not None or not action.needs_click
            reads = action.only_reads and self.target.layer is not None
            self.buttons[name].setEnabled(
                (possible or reads) and was_clicked and action.accepts(n_selected)
            )

    def _on_measured(self, result: Any) -> None:
        if result_of(self.target.layer) is result:
            self._count(repeat=True)

    def _on_closed(self) -> None:
        changes.measured.disconnect(self._on_measured, missing_ok=True)
        self._shortcuts.release()
        for part in (self.picker, self.highlight, self.line):
            part.stop()
        self.measurements.cancel()
        self.circle.remove()
        self.preview.disconnect()
        self.target.disconnect_all()
        self._watch.follow(None)
        self.statistics.stop()

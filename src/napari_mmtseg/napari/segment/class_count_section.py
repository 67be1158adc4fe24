"""Class count of a result, shown as classes, regions or objects."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeAlias

from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from napari.layers import Labels
from napari_mmtseg.labels.editing.class_count import ClassCount, Display
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.napari.layers.colours import colour_by_output
from napari_mmtseg.napari.layers.editing import unwrapped
from napari_mmtseg.napari.layers.pixel_measure import pixel_measure
from napari_mmtseg.napari.layers.result import LayerResult, result_of
from napari_mmtseg.napari.layers.size_circle import SizeCircle
from napari_mmtseg.napari.runs.label_edit import EditRunner, Keeps
from napari_mmtseg.napari.runs.latest import LatestTask
from napari_mmtseg.napari.runs.preload import load_engine
from napari_mmtseg.napari.runs.run import Failed, Refused, show_problem
from napari_mmtseg.napari.segment.background import BackgroundBox
from napari_mmtseg.napari.segment.class_count_slider import ClassCountSlider
from napari_mmtseg.napari.segment.objects import FindObjects
from napari_mmtseg.napari.shared.layer_choice import LayerWatch
from napari_mmtseg.napari.shared.narrow_box import keep_narrow
from napari_mmtseg.napari.shared.objects import ObjectFields
from napari_mmtseg.napari.shared.settings_form import make_form_layout, tooltip
from napari_mmtseg.napari.shared.wrapped_label import WrappedLabel
from napari_mmtseg.settings.fields import parameters

if TYPE_CHECKING:
    from napari.components import ViewerModel

_LOOK_AGAIN = 150
"""Milliseconds after a change of the labels until the slider follows."""

_MERGING_TIP = (
    "classes: pixels that look alike merge first; regions: neighbouring pixels merge "
    "first, then regions that look alike. Without training"
)
_MERGING_REFUSED = (
    "For a stack or a large image this is chosen before the run: More, Merging"
)


class ClassCountSection(QWidget):
    """Class count of the active Labels layer, or of the last one that is a result.

    `merging` is the box for whether pixels or regions form the classes. `looked` is
    emitted after every look at the layer.
    """

    looked = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.layer: Labels | None = None
        self._finding: FindObjects | None = None
        self.slider = ClassCountSlider()
        self.auto_button = QPushButton("Auto")
        self.auto_button.setToolTip("Back to the number of classes found automatically")
        self.output = QComboBox()
        self.output.addItems(parameters()["output"].choices)
        self.merging = QComboBox()
        self.merging.addItems(["classes", "regions"])  # as in the settings
        for box in (self.output, self.merging):
            keep_narrow(box)
        self.background = BackgroundBox()
        self.objects = ObjectFields(finds_dim=True)
        self.about = WrappedLabel()
        self.runner = EditRunner(self)
        self._other = LatestTask(self)
        self._watch = LayerWatch({"set_data": self._on_data})
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LOOK_AGAIN)
        self._timer.timeout.connect(self._look_again)
        self._arrange()
        self.slider.changed.connect(self._reshape)
        self.output.activated.connect(self._reshape)
        self.background.activated.connect(self._on_background)
        self.circle = SizeCircle(viewer, self)
        self.objects.resized.connect(lambda size: self.circle.show(self.layer, size))
        self.objects.changed.connect(self._reshape)
        self.runner.applied.connect(self._on_applied)
        self.merging.activated.connect(self._on_merging)
        self._other.done.connect(self._on_other)
        self.auto_button.clicked.connect(self._to_automatic)
        self.runner.busy_changed.connect(self._timer.start)
        viewer.layers.selection.events.active.connect(self.follow)
        viewer.layers.events.inserted.connect(self._adopt)
        viewer.layers.events.removed.connect(self.follow)
        self.follow()

    @property
    def is_busy(self) -> bool:
        """Whether a change is under way."""
        return self.runner.is_busy or self._other.is_busy

    def follow(self, _: Any = None) -> None:
        """Take the active layer if it is a result."""
        layers = self._viewer.layers
        layer = self.layer if self.layer in layers else None
        active = layers.selection.active
        if isinstance(active, Labels) and _can_be_shaped(result_of(active)):
            layer = active
        self.take(layer)

    def take(self, layer: Labels | None) -> None:
        """Change a layer, which need not be active."""
        if layer is not None and layer != self.layer:
            axes = range(layer.ndim)[-3:]
            self.objects.show_measure(pixel_measure(layer, axes))
            if (result := result_of(layer)) is not None:
                self.objects.show_settings(result.settings)
        self.layer = layer
        self._watch.follow(layer)
        self._look_again()

    def _arrange(self) -> None:
        counting = QWidget()
        row = QHBoxLayout(counting)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, 1)
        row.addWidget(self.auto_button, 0, Qt.AlignmentFlag.AlignTop)
        count = QLabel("Number of classes")
        count.setBuddy(self.slider.slider)
        form = make_form_layout(
            [
                ("Background", "The class that is labelled 0", self.background),
                ("Merging", _MERGING_TIP, self.merging),
                ("Output", tooltip(parameters()["output"]), self.output),
            ]
        )
        for i, widget in enumerate((self.about, count, counting)):
            form.insertRow(i, widget)
        form.addRow(self.objects)
        boxes = (self.background, self.merging, self.output)
        titles = [form.labelForField(box) for box in boxes]
        self._adjusting = [count, counting, *boxes, self.objects]
        self._adjusting += [title for title in titles if title is not None]
        form.setContentsMargins(0, 6, 0, 6)
        self.setLayout(form)

    def _adopt(self, event: Any) -> None:
        result_of(event.value)  # a duplicate takes its result over
        self.follow()

    def _on_data(self, _: Any = None) -> None:
        self._timer.start()

    def _look_again(self) -> None:
        """Follow the layer, which may have been undone or edited."""
        layer = self.layer
        result = result_of(layer)
        why_fixed = "" if result is None else result.why_fixed
        self.setVisible(_can_be_shaped(result))
        for widget in self._adjusting:
            widget.setVisible(not why_fixed)
        self.looked.emit()
        if layer is None or result is None or self.runner.is_busy:
            return
        if why_fixed:
            self.about.setText(
                f"“{layer.name}” keeps its number of classes. {why_fixed}"
            )
            return
        fits = result.can_show(layer.data)
        self.about.setText(
            f"Shape “{layer.name}”"
            if fits
            else f"“{layer.name}” has been given data of another shape."
        )
        for widget in (
            self.slider,
            self.merging,
            self.output,
            self.auto_button,
            self.background,
        ):
            widget.setEnabled(fits)
        one_image = result.source.is_one_image
        self.merging.setEnabled(fits and one_image)
        self.merging.setToolTip(_MERGING_TIP if one_image else _MERGING_REFUSED)
        if fits:
            class_count = result.class_count(layer.data)
            display = class_count.display(layer.data)
            self._show(display, class_count)
            colour_by_output(unwrapped(layer), display.output)

    def _show(self, shape: Display, class_count: ClassCount) -> None:
        hierarchy = class_count.hierarchy
        self.slider.set_numbers(shape.n_labels, hierarchy.finest, hierarchy.automatic)
        self.merging.setCurrentText(hierarchy.merging)
        self.output.setCurrentText(shape.output)
        self.background.show_classes(hierarchy.label_of_class(shape.n_labels))
        self.objects.setVisible(shape.output == "objects")
        self.auto_button.setEnabled(shape.n_labels != hierarchy.automatic)

    def _to_automatic(self) -> None:
        self.slider.slider.setValue(self.slider.automatic)

    def _on_merging(self, _: Any = None) -> None:
        layer, result = self.layer, result_of(self.layer)
        if layer is None or result is None or result.model is None:
            return
        merging = self.merging.currentText()
        if merging in result.class_counts:
            self._on_found(layer, merging)
        else:
            self.about.setText("Looking at the image once more…")
            labels = layer.data
            self._other.request(
                lambda _: _merge_otherwise(layer, labels, result, merging)
            )

    def _on_other(self, outcome: _Merged | Refused | Failed) -> None:
        if isinstance(outcome, Refused | Failed):
            show_problem(outcome)
            self._timer.start()
            return
        layer, result, merging, hierarchy = outcome
        result.class_counts[merging] = ClassCount(hierarchy)
        self._on_found(layer, merging)

    def _on_found(self, layer: Labels, merging: str) -> None:
        result = result_of(layer)
        if layer != self.layer or result is None:
            return
        found = result.class_counts[merging].hierarchy
        self.slider.set_numbers(found.fitted, found.finest, found.automatic)
        self.merging.setCurrentText(merging)
        self._reshape()

    def _reshape(self, _: Any = None) -> None:
        layer, result = self.layer, result_of(self.layer)
        if layer is None or result is None:
            return
        merging = self.merging.currentText()
        output = self.output.currentText()
        n_labels = self.slider.slider.value()
        self.auto_button.setEnabled(n_labels != self.slider.automatic)
        self.objects.setVisible(output == "objects")
        find = self._finder(result, output)

        def operation(labels: NDArray[Any]) -> NDArray[Any]:
            made_by = class_count = result.class_count(labels)
            if made_by.hierarchy.merging != merging:
                class_count = result.class_counts[merging]
            return class_count.change(labels, n_labels, output, made_by, find)

        self.runner.run(layer, operation, replaces="shape", keeps=_kept_by(find))

    def _on_background(self, _: Any = None) -> None:
        """Label the chosen class 0; one step back undoes it."""
        layer, result = self.layer, result_of(self.layer)
        if layer is None or result is None or not result.can_show(layer.data):
            return
        before = result.class_count(layer.data)
        shown = before.display(layer.data)
        after = result.set_background(
            before, self.background.class_index, shown.n_labels
        )

        find = self._finder(result, shown.output)

        def operation(labels: NDArray[Any]) -> NDArray[Any]:
            return after.change(labels, shown.n_labels, shown.output, before, find)

        renumbers = shown.output == "classes"
        self.runner.run(layer, operation, renumbers=renumbers, keeps=_kept_by(find))

    def _finder(self, result: LayerResult, output: str) -> FindObjects | None:
        """Return what finds the objects of classes, if those are shown."""
        self._finding = None
        if output == "objects":
            one = next(iter(result.class_counts.values()))
            self._finding = FindObjects(
                result.source,
                result.settings,
                self.objects.choice(),
                volumes=one.hierarchy.n_spatial == 3,
            )
        return self._finding

    def _on_applied(self, *_: Any) -> None:
        found = None if self._finding is None else self._finding.found
        if found is not None:
            n, size = found.n_objects, found.size
            self.objects.show_found(n, size)


def _kept_by(find: FindObjects | None) -> Keeps:
    """Return what tells the classes of objects; classes and pieces have none."""
    return lambda *_: None if find is None or not find.found else find.found.classes


def _can_be_shaped(result: LayerResult | None) -> bool:
    return result is not None and bool(result.class_counts or result.why_fixed)


_Merged: TypeAlias = tuple[Labels, LayerResult, str, LabelHierarchy]


def _merge_otherwise(
    layer: Labels, labels: NDArray[Any], result: LayerResult, merging: str
) -> Generator[float, None, _Merged]:
    """Find the hierarchy for another merging, with the labels shown now."""
    source, model = result.source, result.model
    assert model is not None
    load_engine()
    hierarchy = yield from model.iter_hierarchy(
        source.read(), channel_axis=source.channel_axis, merging=merging
    )
    class_count = result.class_count(labels)
    hierarchy = hierarchy.reshaped(labels.shape).matched_to(
        class_count.unedited(labels), class_count.hierarchy.has_background
    )
    return layer, result, merging, hierarchy

"""Save a fitted model, or apply it to another image."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from napari.utils.notifications import show_info, show_warning
from numpy.typing import NDArray
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QWidget

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.editing.class_count import Display
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.regions import connected_regions
from napari_mmtseg.napari.layers.result import LayerResult, fixed_by_size, result_of
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.segment.job import (
    Job,
    Segmented,
    found,
    origin,
    predicted,
    prepared,
)
from napari_mmtseg.napari.segment.objects import FindObjects
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.memory import estimate_memory

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

_R = TypeVar("_R")
_Steps: TypeAlias = Generator[SegmentationStep, str | None, _R]
_Labelling: TypeAlias = tuple[NDArray[np.int32], LayerResult]

_FILES = "Models (*.safetensors)"


class ModelActions(QWidget):
    """Save model, Apply model: two buttons with menus of the models in the viewer.

    `choose_source` returns the image to label, or raises InputError.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        choose_source: Callable[[], LayerSelection],
        start: Callable[[Job], None],
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._choose_source = choose_source
        self._start = start
        self.save_button = QPushButton("Save model")
        self.save_button.setToolTip("Write the model of a layer to a file")
        self.apply_button = QPushButton("Apply model")
        self.apply_button.setToolTip(
            "Label the chosen image with the classes of another; takes seconds"
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.menus: dict[str, QMenu] = {}
        for name, button in (("save", self.save_button), ("apply", self.apply_button)):
            menu = QMenu(button)
            button.setMenu(menu)
            menu.aboutToShow.connect(self._fill_menus)
            self.menus[name] = menu
            layout.addWidget(button)
        self._fill_menus()

    def apply_layer(self, layer: Labels) -> None:
        """Label the chosen image with the model and the classes of a layer."""
        result = result_of(layer)
        if result is None or result.model is None:
            show_warning(f"“{layer.name}” has no model.")
            return
        like = display = None
        if result.can_show(layer.data):
            class_count = result.class_count(layer.data)
            display = class_count.display(layer.data)
            like = class_count.as_shown(layer.data)
        appearance = {"colormap": layer.colormap, "features": layer.features.copy()}
        self._apply(result.model, f"“{layer.name}”", like, display, appearance)

    def apply_file(self) -> None:
        """Ask for a model file and label the chosen image with it."""
        name, _ = QFileDialog.getOpenFileName(self, "Apply model", "", _FILES)
        if name:
            self._apply(Path(name), Path(name).name)

    def save(self, layer: Labels) -> None:
        """Ask for a file name and write the model of a layer."""
        result = result_of(layer)
        model = None if result is None else result.shown_model(layer.data)
        if model is None:
            show_warning(f"“{layer.name}” has no model.")
            return
        name, _ = QFileDialog.getSaveFileName(
            self, "Save model", f"{layer.name}.safetensors", _FILES
        )
        if not name:
            return
        path = Path(name)
        if not path.suffix:
            path = path.with_suffix(".safetensors")
        try:
            # The dialog has asked whether to replace an existing file.
            model.save(path, overwrite=True)
        except InputError as error:
            show_warning(str(error))
            return
        show_info(f"{path.name}: the model of “{layer.name}”")

    def _apply(self, *what: Any) -> None:
        try:
            source = self._choose_source()
        except InputError as error:
            show_warning(str(error))
            return
        self._start(Application(source, *what).job())

    def _fill_menus(self) -> None:
        layers = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Labels)
            and (result := result_of(layer)) is not None
            and result.model is not None
        ]
        for menu, act in (
            (self.menus["save"], self.save),
            (self.menus["apply"], self.apply_layer),
        ):
            menu.clear()
            for layer in layers:
                action = menu.addAction(f"of “{layer.name}”")
                assert action is not None
                action.triggered.connect(lambda _, a=act, of=layer: a(of))
        if not layers:
            nothing = self.menus["save"].addAction("Segment an image first")
            assert nothing is not None
            nothing.setEnabled(False)
        from_file = self.menus["apply"].addAction("from a file…")
        assert from_file is not None
        from_file.triggered.connect(lambda _: self.apply_file())


@dataclass(frozen=True)
class Application:
    """A fitted model applied to an image.

    `model` may be a file, which is read in the thread; `origin` names it for the user.
    With `like`, the hierarchy of a layer that the model has labelled, its classes keep
    their labels. Without `display` the class count and output are those of the fit.
    """

    source: LayerSelection
    model: MutualMeanTeachingModel | Path
    origin: str
    like: LabelHierarchy | None = None
    display: Display | None = None
    appearance: dict[str, Any] = field(default_factory=dict)

    def job(self) -> Job:
        """Return the job of the panel."""
        title = f"Apply {self.origin} to {self.source.name}"
        return Job(self.source, title, lambda _: self._work())

    def _work(self) -> _Steps[Segmented]:
        start = time.perf_counter()
        image, _ = yield from prepared(self.source)
        from napari_mmtseg.engine.model.fitted import load_model

        model = self.model
        if isinstance(model, Path):
            model = load_model(model)
        finding = self._hierarchy(model, image)
        if finding is None:
            labels, kept = yield from self._fixed(model, image)
        else:
            labels, kept = self._adjustable(model, (yield from predicted(finding)))
        seconds = time.perf_counter() - start
        # One part at a time, as the labels may lie in a file.
        values = {v for part in labels for v in np.unique(part).tolist()}
        has_area, output = self.source.area is not None, model.settings.output
        output = output if self.display is None else self.display.output
        n_labels = len(values - ({0} if has_area or output != "classes" else set()))
        return Segmented(
            labels=labels,
            kept=kept,
            provenance=origin(self.source)
            | {
                "model": self.origin,
                "settings": model.settings.to_dict(),
                "seed": model.settings.seed,
                "n_labels": n_labels,
                "seconds": round(seconds, 3),
            },
            summary=(
                f"{self._found(n_labels, model)} in {seconds:.1f} s with the "
                f"classes of {self.origin}."
            ),
            appearance=self.appearance,
        )

    def _found(self, n_labels: int, model: MutualMeanTeachingModel) -> str:
        if self.display is None:
            return found(n_labels, None, model.settings.output)
        return found(n_labels, self.display.n_labels, self.display.output)

    def _hierarchy(
        self, model: MutualMeanTeachingModel, image: Any
    ) -> Generator[float, None, LabelHierarchy] | None:
        """Find the labels of every class count; None if they are too large for that."""
        like = self.like
        stack = self._stack(model, image)
        if self.source.is_one_image and model.n_dims == 2:
            finding = model.iter_hierarchy(
                stack.first.read(),
                channel_axis=0,
                merging=None if like is None else like.merging,
            )
            return _limited(finding, stack.first.area)
        estimate = estimate_memory(stack, model.settings)
        if estimate.on_disk or stack.volumes != (model.n_dims == 3):
            return None
        merge_tree, parts = model.iter_clusters(stack)
        if stack.area is not None:
            merge_tree = replace(merge_tree, outside=~stack.area)
        if like is not None and (like.merging, like.groups.shape[1]) != (
            merge_tree.merging,
            merge_tree.groups.shape[1],
        ):
            return None
        return _with_clusters(merge_tree, parts, stack)

    def _stack(self, model: MutualMeanTeachingModel, image: Any) -> ImageStack:
        return ImageStack.of(
            image,
            axes=self.source.image_axes,
            volumes=model.n_dims == 3,
            area=self.source.area_mask(),
        )

    def _adjustable(
        self, model: MutualMeanTeachingModel, hierarchy: LabelHierarchy
    ) -> _Labelling:
        if self.like is not None:
            hierarchy = hierarchy.labelled_like(self.like)
        display = self.display or Display(hierarchy.fitted, model.settings.output)
        found = hierarchy.labels(display.n_labels)
        if display.output == "regions":
            found = connected_regions(found, hierarchy.n_spatial)
        elif display.output == "objects":
            volumes = hierarchy.n_spatial == 3
            find = FindObjects(self.source, model.settings, {}, volumes=volumes)
            found = find(found)
        labels = self.source.place.arrange(found)
        kept = LayerResult(self.source, model, {}, model.settings)
        kept.add_class_count(hierarchy, labels, display)
        return labels, kept

    def _fixed(self, model: MutualMeanTeachingModel, image: Any) -> _Steps[_Labelling]:
        """Label an image that is too large for more than one class count."""
        shown, output = model, None
        if self.like is not None and self.display is not None:
            shown = model.with_n_labels(self.like, self.display.n_labels)
            output = self.display.output
        parts = shown.iter_labels(image, axes=self.source.image_axes, output=output)
        predictions = yield from predicted(parts)
        area = self._stack(model, image).area
        if area is not None:
            predictions[~area] = 0
        labels = self.source.place.arrange(predictions)
        kept = LayerResult(self.source, shown, {}, shown.settings)
        kept.why_fixed = fixed_by_size(labels) or "It has those of another image."
        return labels, kept


def _limited(
    finding: Generator[float, None, LabelHierarchy], area: NDArray[np.bool_] | None
) -> Generator[float, None, LabelHierarchy]:
    """Find a hierarchy, with an area that its classes cover."""
    hierarchy = yield from finding
    return hierarchy if area is None else replace(hierarchy, outside=~area)


def _with_clusters(
    merge_tree: LabelHierarchy, parts: Generator[Any, None, None], stack: ImageStack
) -> Generator[float, None, LabelHierarchy]:
    """Put the clusters of a stack together."""
    clusters = np.zeros(stack.shape, np.uint8)
    for part in parts:
        if isinstance(part, float):
            yield part
        else:
            clusters[stack.place(part.location)] = part.clusters
            yield part.fraction
    return replace(merge_tree, clusters=clusters)

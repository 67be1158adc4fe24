"""The job that labels an image with a model that is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg._layers import Source
from napari_mmtseg._widgets.gentle_import import load_engine
from napari_mmtseg._widgets.jobs import origin, predicted
from napari_mmtseg._widgets.layer_result import LayerResult, fixed_by_size
from napari_mmtseg._widgets.outcomes import Message, Segmented
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.editing.class_count import LabelShaper, Shape
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.regions import frame_regions
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.memory import estimate_memory

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = ["ApplyJob"]

Labelling: TypeAlias = Generator[
    Message, str | None, tuple[NDArray[np.int32], LayerResult]
]


@dataclass(frozen=True)
class ApplyJob:
    """Label an image with the classes of a model.

    Attributes
    ----------
    source : Source
        The image.
    model : MutualMeanTeachingModel or Path
        The model, or its file, which is read in the thread.
    origin : str
        What the user calls the model.
    like : LabelHierarchy, optional
        Of a layer that the model has labelled: the same classes get the same labels.
    shape : Shape, optional
        Number of classes and output; as the model was fitted without it.
    appearance : dict
        Further attributes of the layer.
    """

    source: Source
    model: MutualMeanTeachingModel | Path
    origin: str
    like: LabelHierarchy | None = None
    shape: Shape | None = None
    appearance: dict[str, Any] = field(default_factory=dict)
    hints_layer: None = None
    counted: str = "slice"

    @property
    def title(self) -> str:
        """What the activity dock says."""
        return f"Apply {self.origin} to {self.source.name}"

    @property
    def n_steps(self) -> int:
        """Percent."""
        return 100

    def n_done(self, step: SegmentationStep) -> int:
        """Return how many."""
        return step.step

    def steps(
        self, notices: list[str], should_cancel: Callable[[], bool]
    ) -> Generator[Message, str | None, Segmented]:
        """Do it."""
        start = time.perf_counter()
        yield SegmentationStep("preparing", 0, self.n_steps)
        image = self.source.image()
        yield SegmentationStep("preparing", 0, self.n_steps)
        load_engine()
        model = self.model
        if isinstance(model, Path):
            model = import_module("napari_mmtseg").load_model(model)
        finding = self._hierarchy(model, image)
        if finding is None:
            labels, kept = yield from self._fixed(model, image, notices, should_cancel)
        else:
            hierarchy = yield from predicted(finding, notices, should_cancel)
            labels, kept = self._shaped(model, hierarchy)
        seconds = time.perf_counter() - start
        n_labels = len(_values(labels))
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
                f"{n_labels} label{'s' * (n_labels != 1)} in {seconds:.1f} s with the "
                f"classes of {self.origin}."
            ),
            appearance=self.appearance,
        )

    def _hierarchy(
        self, model: MutualMeanTeachingModel, image: Any
    ) -> Generator[float, None, LabelHierarchy] | None:
        """Return what finds the labels for every number of classes, where it can."""
        like = self.like
        if self.source.is_one_image and model.n_dims == 2:
            return model.iter_hierarchy(
                image,
                channel_axis=self.source.channel_axis,
                merging=None if like is None else like.merging,
            )
        stack = ImageStack.of(
            image, axes=self.source.image_axes, volumes=model.n_dims == 3
        )
        estimate = estimate_memory(stack, model.settings)
        if estimate.on_disk or stack.volumes != (model.n_dims == 3):
            return None
        forest, parts = model.iter_leaves(stack)
        if like is not None and (like.merging, like.groups.shape[1]) != (
            forest.merging,
            forest.groups.shape[1],
        ):
            return None
        return _with_leaves(forest, parts, stack)

    def _shaped(
        self, model: MutualMeanTeachingModel, hierarchy: LabelHierarchy
    ) -> tuple[NDArray[np.int32], LayerResult]:
        if self.like is not None:
            hierarchy = hierarchy.named_like(self.like)
        shape = self.shape or Shape(hierarchy.fitted, model.settings.output)
        found = hierarchy.shown(shape.n_labels)
        if shape.output == "regions":
            found = frame_regions(found, hierarchy.n_spatial)
        labels = self.source.place.arrange(found)
        shaper = LabelShaper(hierarchy.arranged(labels.shape))
        shaper.note_result(labels, shape)
        shapers = {hierarchy.merging: shaper}
        return labels, LayerResult(self.source, model, shapers, model.settings)

    def _fixed(
        self,
        model: MutualMeanTeachingModel,
        image: Any,
        notices: list[str],
        should_cancel: Callable[[], bool],
    ) -> Labelling:
        """Label what is too large for more than one number of classes."""
        shown, output = model, None
        if self.like is not None and self.shape is not None:
            shown = model.shaped(self.like, self.shape.n_labels)
            output = self.shape.output
        parts = shown.iter_labels(image, axes=self.source.image_axes, output=output)
        found = yield from predicted(parts, notices, should_cancel)
        labels = self.source.place.arrange(found)
        kept = LayerResult(self.source, shown, {}, shown.settings)
        kept.why_fixed = fixed_by_size(labels) or "It has those of another image."
        return labels, kept


def _with_leaves(
    forest: LabelHierarchy, parts: Generator[Any, None, None], stack: ImageStack
) -> Generator[float, None, LabelHierarchy]:
    """Put the leaves of a stack together."""
    leaves = np.zeros(stack.shape, np.uint8)
    for part in parts:
        if isinstance(part, float):
            yield part
        else:
            leaves[stack.place(part.index, part.window)] = part.leaves
            yield part.fraction
    return replace(forest, leaves=leaves)


def _values(labels: NDArray[np.int32]) -> set[int]:
    found: set[int] = set()
    for part in labels:  # one at a time: the labels may lie in a file
        found.update(np.unique(part).tolist())
    return found

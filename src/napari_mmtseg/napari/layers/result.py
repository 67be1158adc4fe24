"""The result of a run, kept with its layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import ReferenceType, WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari.layers import Image
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.editing.class_count import ClassCount, Display
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.uncertainty import UncertainRegion
from napari_mmtseg.napari.layers.editing import unwrapped
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari.layers import Labels, Layer
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel


METADATA = "napari_mmtseg"


@dataclass(eq=False)
class LayerResult:
    """The model of a Labels layer and its labels for every class count.

    `class_counts` are by merging: "classes" of pixels that look alike, or "regions";
    `earlier_counts` are those before another class became background, which undo shows.
    There are none, and `model` is None, for another method than Mutual Mean-Teaching.
    `measured` is the confidence, once asked for, and `why_fixed` explains to the user
    why the class count stays. Duplicates of the layer have its `identity` in their
    metadata.
    """

    source: LayerSelection
    model: MutualMeanTeachingModel | None
    class_counts: dict[str, ClassCount]
    settings: SegmentationSettings
    scribbles_layer: ReferenceType[Labels] | None = None
    measured: Measured | None = None
    why_fixed: str = ""
    earlier_counts: list[ClassCount] = field(default_factory=list)
    identity: str = field(default_factory=lambda: uuid4().hex)

    def add_class_count(
        self, hierarchy: LabelHierarchy, labels: NDArray[Any], display: Display
    ) -> None:
        """Offer other class counts for labels, and what they display."""
        class_count = ClassCount(hierarchy.reshaped(labels.shape))
        class_count.note_result(labels, display)
        self.class_counts[hierarchy.merging] = class_count

    def class_count(self, labels: NDArray[Any]) -> ClassCount:
        """Return the class count whose labels these are.

        Raises InputError for labels of another shape.
        """
        if not self.can_show(labels):
            raise InputError(
                "The labels have another shape than the result had. Segment the image "
                "again to change their classes."
            )
        counts = [*self.class_counts.values(), *self.earlier_counts]
        return max(counts, key=lambda count: count.agreement(labels))

    def set_background(
        self, before: ClassCount, index: int | None, n_labels: int
    ) -> ClassCount:
        """Return the class count with another class, or none, that is background.

        `index` counts the classes from 0, dark to bright, at class count `n_labels`.
        """
        after = ClassCount(before.hierarchy.with_background(index, n_labels))
        self.class_counts[before.hierarchy.merging] = after
        self.earlier_counts.append(before)
        return after

    def shown_model(self, labels: NDArray[Any]) -> MutualMeanTeachingModel | None:
        """Return the model with the classes, and their labels, that labels show."""
        if self.model is None or not self.can_show(labels):
            return self.model
        count = self.class_count(labels)
        return self.model.with_n_labels(count.hierarchy, count.display(labels).n_labels)

    def can_show(self, labels: NDArray[Any]) -> bool:
        """Return whether labels have the shape of the image."""
        shapes = [s.hierarchy.clusters.shape for s in self.class_counts.values()]
        return labels.shape in shapes


class _Changes:
    """Signal for results that gain a confidence map."""

    measured = Signal(LayerResult)


changes = _Changes()
_results: WeakKeyDictionary[Layer, LayerResult] = WeakKeyDictionary()


def fixed_by_size(labels: NDArray[Any]) -> str:
    """Return why labels in a file keep their class count; empty for others."""
    if not isinstance(labels, np.memmap):
        return ""
    return (
        f"Its labels take {labels.nbytes / 1e9:.1f} GB and lie in a temporary file, "
        "which goes with the layer: save them to keep them."
    )


def keep_result(layer: Layer, result: LayerResult) -> None:
    """Keep a result as long as the layer, and the duplicates of it, live."""
    layer.metadata.setdefault(METADATA, {})["result"] = result.identity
    _results[unwrapped(layer)] = result


def result_of(layer: Layer | None) -> LayerResult | None:
    """Return the result of a layer, or of the one that it duplicates."""
    if layer is None:
        return None
    if (result := _results.get(layer)) is not None:
        return result
    about = layer.metadata.get(METADATA)
    identity = about.get("result") if isinstance(about, dict) else None
    for other in list(_results.values()):
        if other.identity == identity:
            _results[unwrapped(layer)] = other
            return other
    return None


def confidence_layers(viewer: ViewerModel, result: LayerResult) -> list[Image]:
    """Return the layers that show the confidence of a result."""
    return [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image)
        and layer.metadata.get(METADATA, {}).get("confidence_of") == result.identity
    ]


@dataclass(frozen=True, eq=False)
class Measured:
    """The confidence in the classes of a layer.

    `confidence` is from 0 to 1, in the dimensions of the layer; `regions` are the least
    certain ones, the worst first, and `accepted` the places in that list which the user
    has found right. `display` is what the layer showed, and `summary` a sentence for
    the panel.
    """

    confidence: NDArray[np.float32] = field(repr=False)
    regions: list[UncertainRegion] = field(repr=False)
    display: Display
    summary: str
    accepted: set[int] = field(default_factory=set)

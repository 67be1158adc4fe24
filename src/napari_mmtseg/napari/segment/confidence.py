"""Buttons for the confidence of a result, and for its least certain regions."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari.layers import Image, Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.uncertainty import uncertain_regions
from napari_mmtseg.napari.layers.aids import add_aid
from napari_mmtseg.napari.layers.placement import spatial_attributes
from napari_mmtseg.napari.layers.result import (
    METADATA,
    LayerResult,
    Measured,
    changes,
    confidence_layers,
    result_of,
)
from napari_mmtseg.napari.segment.job import Job, predicted, prepared
from napari_mmtseg.napari.segment.uncertain_tour import UncertainTour
from napari_mmtseg.progress import SegmentationStep

if TYPE_CHECKING:
    from napari.components import ViewerModel

_OPACITY = 0.5
"""Of the confidence, below the labels: the image shows through both."""

_SHOW_TIP = (
    "How sure the network is of every pixel's class, as an Image layer: 0 not at "
    "all, 1 sure"
)
_WORST_TIP = "Step through the regions that are worth a look, the worst first"
_REFUSED = (
    "Confidence is measured for single slices of at most 16 megapixels: choose the "
    "current slice and apply the model of this layer to it"
)


class ConfidenceSection(QWidget):
    """Show confidence, Go to least certain.

    `choose_layer` returns the layer to look at, or None; `start` starts a job, which
    comes back through :meth:`show_measured`.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        choose_layer: Callable[[], Labels | None],
        start: Callable[[Job], None],
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._choose_layer = choose_layer
        self._start = start
        self._measuring: LayerResult | None = None
        self._goes_on = False
        self.show_button = QPushButton("Show confidence")
        self.worst_button = QPushButton("Go to least certain")
        self.tour = UncertainTour(viewer)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.show_button, 0, 0)
        layout.addWidget(self.worst_button, 1, 0)
        layout.addWidget(self.tour, 2, 0)
        self.show_button.clicked.connect(self.show_confidence)
        self.worst_button.clicked.connect(self.go_to_worst)

    def refresh(self) -> None:
        """Show the buttons if there is something to measure."""
        layer = self._choose_layer()
        result = result_of(layer)
        self.tour.keep_if(layer, self._measured(layer))
        if result is None or result.model is None:
            self.setVisible(False)
            return
        one_image = result.source.is_one_image
        self.setVisible(bool(result.class_counts) or not one_image)
        for button, tip in (
            (self.show_button, _SHOW_TIP),
            (self.worst_button, _WORST_TIP),
        ):
            button.setEnabled(one_image)
            button.setToolTip(tip if one_image else _REFUSED)

    def show_confidence(self) -> None:
        """Measure the confidence of the layer and show it."""
        self._measure(goes_on=False)

    def go_to_worst(self) -> None:
        """Go to the next of the least certain regions, after measuring if need be."""
        layer = self._choose_layer()
        measured = self._measured(layer)
        if layer is None or measured is None:
            self._measure(goes_on=True)
            return
        self.tour.go_on(layer, measured)

    def show_measured(self, measured: Measured) -> None:
        """Show the confidence that the job has measured."""
        result, self._measuring = self._measuring, None
        assert result is not None
        result.measured = measured
        changes.measured.emit(result)
        layer = self._choose_layer()
        if layer is None or result_of(layer) is not result:
            return
        if self._goes_on:
            self._goes_on = False
            self.go_to_worst()
            return
        shown = next(iter(confidence_layers(self._viewer, result)), None)
        if shown is not None and shown.data.shape == measured.confidence.shape:
            shown.data = measured.confidence
        else:
            shown = Image(
                measured.confidence,
                name=f"{layer.name} confidence",
                colormap="magma",
                contrast_limits=(0, 1),
                opacity=_OPACITY,
                metadata={METADATA: {"confidence_of": result.identity}},
                **spatial_attributes(layer),
            )
            add_aid(self._viewer, shown, self._viewer.layers.index(layer))

    def _measure(self, *, goes_on: bool) -> None:
        layer = self._choose_layer()
        result = result_of(layer)
        if layer is None or result is None:
            return
        self._goes_on = goes_on
        self._measuring = result
        self._start(confidence_job(layer.name, result, layer.data.copy()))

    def _measured(self, layer: Labels | None) -> Measured | None:
        """Return the confidence in the classes that the layer shows now, if known."""
        result = result_of(layer)
        if layer is None or result is None or result.measured is None:
            return None
        if not result.can_show(layer.data):
            return None
        display = result.class_count(layer.data).display(layer.data)
        return result.measured if display == result.measured.display else None


def confidence_job(name: str, result: LayerResult, labels: NDArray[Any]) -> Job:
    """Return the job that measures the confidence of labels, edits included."""

    def work(_: Any) -> Generator[SegmentationStep, str | None, Measured]:
        start = time.perf_counter()
        model = result.model
        if model is None:
            raise InputError(f"“{name}” has no network to ask.")
        source = result.source
        image, _ = yield from prepared(source)
        stack = ImageStack.of(image, axes=source.image_axes, area=source.area_mask())
        class_count = result.class_count(labels)
        display = class_count.display(labels)
        parts = model.iter_confidence(
            stack.first.read(),
            display.n_labels,
            channel_axis=0,
            merging=class_count.hierarchy.merging,
        )
        confidence = (yield from predicted(parts)).reshape(labels.shape)
        mean = confidence.mean()
        if stack.area is not None:
            inside = stack.area.reshape(labels.shape)
            mean = confidence[inside].mean()
            confidence = np.where(inside, confidence, 1)
        worst = uncertain_regions(confidence, labels)
        seconds = time.perf_counter() - start
        text = f"Mean confidence {mean:.2f}, measured in {seconds:.1f} s."
        return Measured(np.ascontiguousarray(confidence), worst, display, text)

    return Job(result.source, f"Confidence of {name}", work)

"""Objects as the output of a segmentation: first classes, then what touches is cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from napari_mmtseg.objects.of_stack import check_objects, objects_of_stack
from napari_mmtseg.progress import SegmentationStep, Steps, relay
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.result import SegmentationResult


def segment_objects(
    request: SegmentationRequest,
    iter_classes: Callable[[SegmentationRequest], Steps[SegmentationResult]],
    spacing: Sequence[float] | None,
) -> Steps[SegmentationResult]:
    """Find classes as without objects, then the objects that they make up.

    The request is checked at once. A model of the result has the same output.
    """
    settings, stack = request.settings, request.stack
    check_objects(stack, settings, spacing, request.out)
    plain = replace(request, settings=settings.replace(output="classes"), out=None)
    classes = iter_classes(plain)

    def steps() -> Steps[SegmentationResult]:
        result = yield from classes
        step = SegmentationStep(
            "prediction",
            result.n_steps,
            settings.n_steps,
            n_labels=result.n_labels,
            n_slices=stack.n_frames,
        )
        finding = objects_of_stack(stack, result.labels, settings, spacing, request.out)
        objects = yield from relay(finding, lambda part: [replace(step, fraction=part)])
        if result.model is not None:
            result.model.settings = result.model.settings.replace(output="objects")
        return replace(
            result,
            labels=objects.labels,
            n_labels=objects.n_objects,
            settings=settings,
            objects=objects,
            class_labels=result.labels,
        )

    return steps()
